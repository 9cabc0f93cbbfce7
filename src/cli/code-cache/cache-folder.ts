import { lstatSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

/** Where each user's caches are (XDG Base Directory Specification); undefined where there is no such place. */
function cacheHome(): string | undefined {
  const given = process.env['XDG_CACHE_HOME'];
  if (given !== undefined && isAbsolute(given)) return given;
  const home = homedir();
  return isAbsolute(home) ? join(home, '.cache') : undefined;
}

/**
 * The folder of the code cache, made where it is not there yet: `$MULTIPASS_TS_CODE_CACHE`, else
 * `$XDG_CACHE_HOME/multipass-ts/code`, else `~/.cache/multipass-ts/code`.
 *
 * What is in it is run as code. So it belongs to us and nobody else may write to it; whoever could move what is above
 * it can put nothing there that belongs to us.
 * @returns undefined for an empty variable, for a folder that somebody else could have put something into, and for a
 *   home of somebody else's, as with `sudo`, which we would leave files in that its owner could not remove
 * @throws the system's errors
 */
export function codeCacheFolder(): string | undefined {
  const chosen = process.env['MULTIPASS_TS_CODE_CACHE'];
  const home = chosen === undefined ? cacheHome() : undefined;
  const folder = home === undefined ? chosen : join(home, 'multipass-ts', 'code');
  if (folder === undefined || !isAbsolute(folder)) return undefined;
  if (home !== undefined && !isOurs(nearest(folder))) return undefined;
  makeFolder(folder);
  return isOurs(folder) && isPrivate(lstatSync(folder).mode) ? folder : undefined;
}

/** A path itself, or what of those above it is there. */
function nearest(path: string): string {
  const isThere = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  return isThere || dirname(path) === path ? path : nearest(dirname(path));
}

/** Not by a `recursive` mkdir, which never ends in /proc (Node 20). */
function makeFolder(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) return;
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    makeFolder(dirname(path));
    mkdirSync(path, { mode: 0o700 });
  }
}

function isOurs(path: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats?.isDirectory() === true && stats.uid === process.geteuid?.();
}

/** Whether nobody but its owner may write to something of that mode. */
export function isPrivate(mode: number): boolean {
  return (mode & 0o022) === 0;
}
