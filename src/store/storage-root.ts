import { join } from 'node:path';

/** Where the store is when nobody says otherwise. */
export interface HostEnvironment {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

/**
 * The store's root: `$MULTIPASS_STORAGE`, else `$XDG_DATA_HOME/multipass-ts`, else `~/.local/share/multipass-ts`. An
 * empty variable counts as unset; a relative XDG_DATA_HOME is ignored, as the XDG Base Directory Specification
 * demands.
 */
export function storageRoot({ env, home }: HostEnvironment): string {
  const own = env['MULTIPASS_STORAGE'];
  if (own !== undefined && own !== '') return own;
  const xdg = env['XDG_DATA_HOME'];
  if (xdg?.startsWith('/') === true) return join(xdg, 'multipass-ts');
  return join(home, '.local', 'share', 'multipass-ts');
}
