import { hasCode } from '../errors.js';
import { usageError } from './command.js';

/**
 * What is wrong with a setting of the client is a wrong command line, as in Multipass, where the daemon alone knows of
 * the others, `local.*`.
 */
export function settingFailure(error: unknown, key: string): unknown {
  if (key.startsWith('local.')) return error;
  const isAboutSetting = hasCode(error, 'SETTING_UNKNOWN', 'SETTING_INVALID');
  return isAboutSetting ? usageError(error.message) : error;
}
