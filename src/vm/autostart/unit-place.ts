import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { geteuid } from 'node:process';
import type { Environment } from '../settings/settings.js';
import type { Manager } from './unit-text.js';

/** The name that systemd knows the unit by. */
export const UNIT = 'multipass-ts.service';

/** Where the unit is, and whose it is. */
export interface UnitPlace {
  readonly manager: Manager;
  /** The file, absolute. */
  readonly path: string;
}

/** The place of the unit of whoever calls: root's is one of the system. */
export function unitPlace(env: Environment, home: string): UnitPlace {
  if (geteuid?.() === 0) return { manager: 'system', path: join('/etc/systemd/system', UNIT) };
  const given = env['XDG_CONFIG_HOME'] ?? '';
  const config = isAbsolute(given) ? given : join(home, '.config');
  return { manager: 'user', path: join(config, 'systemd/user', UNIT) };
}

/** Whether there is a unit. */
export function isInstalled({ path }: UnitPlace): boolean {
  return existsSync(path);
}

/**
 * Whether the user's systemd starts with the host, and stops with it: else it is there while the user is logged in.
 * @param folder where systemd keeps whose does
 */
export function isLingering(folder = '/var/lib/systemd/linger'): boolean {
  return existsSync(join(folder, userInfo().username));
}
