import type { Stats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { errnoOf, fromSystemError, MultipassError } from '../../errors.js';

/** Nothing of use is at the path: no file, a dangling or endless link, or another kind of file. */
const ABSENT = ['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENAMETOOLONG'];

/** True for a system error that says that there is no such file. */
export function isAbsence(error: unknown): boolean {
  return ABSENT.includes(errnoOf(error) ?? '');
}

/**
 * Gives the failure to read legacy data its meaning: that data mostly belongs to root.
 * @returns PERMISSION_DENIED or another MultipassError; what is no system error comes back unchanged
 */
export function legacyError(error: unknown, path: string): unknown {
  const errno = errnoOf(error);
  if (errno !== 'EACCES' && errno !== 'EPERM')
    return fromSystemError(error, 'read legacy data', path);
  return new MultipassError('PERMISSION_DENIED', `not permitted to read "${path}"`, {
    hint: 'Run this as root (sudo): the data of multipassd belongs to root.',
    details: { errno, path },
    cause: error,
  });
}

/**
 * Awaits a read of legacy data; null when there is nothing at the path.
 * @throws MultipassError PERMISSION_DENIED, IO_ERROR
 */
export async function unlessAbsent<T>(path: string, reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (isAbsence(error)) return null;
    throw legacyError(error, path);
  }
}

/** The text of a legacy file without its byte order mark; null when there is none. Throws as {@link unlessAbsent}. */
export async function readLegacyText(path: string): Promise<string | null> {
  const bytes = await unlessAbsent(path, readFile(path));
  return bytes === null ? null : new TextDecoder().decode(bytes);
}

/** What is at a legacy path, links followed; null for nothing. Throws as {@link unlessAbsent}. */
export async function statLegacy(path: string): Promise<Stats | null> {
  return unlessAbsent(path, stat(path));
}
