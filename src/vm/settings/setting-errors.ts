import { MultipassError } from '../../errors.js';
import { guess } from '../../nearest.js';

/** Multipass's text for a key that there is not. @param known keys that may have been meant */
export function unknownSetting(key: string, known: readonly string[]): MultipassError {
  return new MultipassError('SETTING_UNKNOWN', `Unrecognized settings key: '${key}'`, {
    hint: guess(key, known, 'See `multipass get --keys` for the keys there are.'),
    details: { key },
  });
}

/** Multipass's text for a value that a setting cannot have. */
export function invalidSetting(key: string, value: string, problem: string): MultipassError {
  return new MultipassError('SETTING_INVALID', `Invalid setting '${key}=${value}': ${problem}`, {
    hint: `Give another value; \`multipass get ${key}\` prints the one that it has.`,
    details: { key, value },
  });
}
