import { accessSync, constants, statSync } from 'node:fs';
import { basename, posix } from 'node:path';
import { errnoOf, MultipassError } from '../../errors.js';

/**
 * What is wrong with a folder of the host as a mount's source, in Multipass's words; null when nothing is.
 */
export function sourceProblem(source: string): string | null {
  try {
    if (!statSync(source).isDirectory()) return `Source path "${source}" is not a directory`;
    accessSync(source, constants.R_OK | constants.X_OK);
    return null;
  } catch (error) {
    const isMissing = errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR';
    return `Source path "${source}" ${isMissing ? 'does not exist' : 'is not readable'}`;
  }
}

/** Where nothing may be mounted: the guest would not be one any more, or could not be entered. */
const FORBIDDEN = /^\/(?:|(?:dev|proc|sys)(?:\/.*)?|home)$/;
const CONTROL = /\p{Cc}/u;

/**
 * Where in the guest a source is mounted: by default under its own name in the user's home, where relative targets
 * are, too. As in Multipass. A `~` alone in front is that home, for the shell of the host left it as it is; somebody
 * else's home is none that we know.
 * @param target as the user gave it; undefined or '' for the default
 * @returns an absolute path in its shortest form
 * @throws MultipassError INVALID_ARGUMENT
 */
export function targetInGuest(source: string, target: string | undefined, user: string): string {
  const home = `/home/${user}`;
  const isGiven = target !== undefined && target !== '';
  const path = isGiven ? resolveGiven(target, home) : posix.resolve(home, `./${basename(source)}`);
  if (FORBIDDEN.test(path) || path === home || CONTROL.test(path)) {
    throw new MultipassError('INVALID_ARGUMENT', `unable to mount to "${path}"`, {
      hint: 'Choose a folder of its own for it, such as one below the home folder.',
      details: { target: path },
    });
  }
  return path;
}

function resolveGiven(target: string, home: string): string {
  if (/^~[^/]/.test(target)) {
    throw new MultipassError('INVALID_ARGUMENT', `unable to mount to "${target}"`, {
      hint:
        `Write the whole path, or "./${target}" for a folder of that name: only "~/" is known, the user's ` +
        'own home.',
      details: { target },
    });
  }
  return posix.resolve(home, target.replace(/^~(?=\/|$)/, '.'));
}
