import { resolve } from 'node:path';
import { cwd } from 'node:process';
import { errnoOf, MultipassError } from '../errors.js';

/**
 * The absolute path that one stands for which a user gave: a relative one is in our own working directory.
 * @throws MultipassError INVALID_ARGUMENT for a relative one when that folder was removed, or cannot be told
 */
export function absolutePath(given: string): string {
  try {
    return resolve(given);
  } catch (error) {
    throw new MultipassError(
      'INVALID_ARGUMENT',
      `cannot find "${given}": the current working directory ${whatIsWrong(error)}`,
      {
        hint: 'Change to a folder that is there, or give an absolute path.',
        details: { path: given },
        cause: error,
      },
    );
  }
}

/** Our own working directory; null when it was removed, or cannot be told. */
export function workingDirectory(): string | null {
  try {
    return cwd();
  } catch {
    return null;
  }
}

function whatIsWrong(error: unknown): string {
  const errno = errnoOf(error);
  return errno === 'ENOENT' ? 'was removed' : `cannot be told (${errno ?? String(error)})`;
}
