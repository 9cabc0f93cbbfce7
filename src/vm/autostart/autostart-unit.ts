import { homedir } from 'node:os';
import type { StoreLayout } from '../../store/layout.js';
import type { WorkRequest } from '../../work.js';
import { installUnit, removeUnit } from './install-unit.js';
import { isInstalled, isLingering, unitPlace } from './unit-place.js';

/** The systemd unit that starts instances with the host. */
export interface AutostartUnit {
  /** The file, absolute; it need not be there. */
  readonly path: string;
  /** Whose systemd runs it: that of the user, or, for root, that of the system. */
  readonly manager: 'user' | 'system';
  /** Whether the file is there. */
  readonly isInstalled: boolean;
  /** Whether that systemd starts with the host, and not with the user's log-in. */
  readonly startsWithHost: boolean;
}

/** How the unit is made. */
export interface AutostartOptions extends WorkRequest {
  /** The words that run the command `multipass`: absolute paths first. */
  readonly command: readonly string[];
  /** Where the programs are that it runs. Default: this process's own PATH. */
  readonly path?: string | undefined;
}

/** The unit of whoever calls, as it is now. */
export function autostartUnit(): AutostartUnit {
  const place = unitPlace(process.env, homedir());
  const startsWithHost = place.manager === 'system' || isLingering();
  return { ...place, isInstalled: isInstalled(place), startsWithHost };
}

/**
 * Writes the unit, and has systemd enable it.
 * @returns the same, and whether systemd has taken it
 * @throws as `installUnit`
 */
export async function installAutostart(
  layout: StoreLayout,
  { command, path = process.env['PATH'] ?? '/usr/bin:/bin', work }: AutostartOptions,
): Promise<AutostartUnit & { readonly isEnabled: boolean }> {
  const place = unitPlace(process.env, homedir());
  const content = { command, store: layout.root, path };
  const isEnabled = await installUnit({ place, content, work });
  return { ...autostartUnit(), isEnabled };
}

/** Has systemd disable the unit, and removes it. @returns whether there was one @throws as `removeUnit` */
export async function removeAutostart({ work }: WorkRequest): Promise<boolean> {
  return await removeUnit({ place: unitPlace(process.env, homedir()), work });
}
