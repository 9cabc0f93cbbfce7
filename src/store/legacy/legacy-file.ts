import { statSync, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { errnoOf, fromSystemError, MultipassError } from '../../errors.js';
import { readRegularFile } from '../../files/regular-file.js';

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

/** Ten thousand instances make a database of 10 MB. */
const LARGEST = 64 * 1024 * 1024;

/**
 * The text of a legacy file without its byte order mark; null when there is none, or a folder. It never waits, and
 * takes no more than 64 MiB.
 * @throws MultipassError LEGACY_INVALID for a FIFO, a device, and what is larger; PERMISSION_DENIED, IO_ERROR
 */
export function readLegacyText(path: string): string | null {
  const bytes = readLegacyFile(path, LARGEST);
  return bytes === null ? null : new TextDecoder().decode(bytes);
}

/** The bytes of a legacy file that has a limit of its own; otherwise as {@link readLegacyText}. */
export function readLegacyFile(path: string, largest: number): Buffer | null {
  try {
    if (statSync(path).isDirectory()) return null;
    return readRegularFile(path, { largest, unfit: (problem) => unfit(path, problem) });
  } catch (error) {
    if (isAbsence(error)) return null;
    throw legacyError(error, path);
  }
}

function unfit(path: string, problem: string): MultipassError {
  return new MultipassError('LEGACY_INVALID', `cannot read "${path}": ${problem}`, {
    hint: 'Look at what is there, and put the file itself in its place, or remove it.',
    details: { path },
  });
}

/** What is at a legacy path, links followed; null for nothing. Throws as {@link unlessAbsent}. */
export async function statLegacy(path: string): Promise<Stats | null> {
  return unlessAbsent(path, stat(path));
}
