import { closeSync, constants, lstatSync, openSync, readSync } from 'node:fs';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MultipassError, RecordError, errnoOf, fromSystemError } from '../errors.js';
import { log } from '../log.js';
import { encodeRecord, JsonPlace } from './decoder.js';
import { syncPath } from './sync.js';

/** No record comes near this; what does is no record, and shall not fill the memory. */
const LARGEST_RECORD = 4 * 1024 * 1024;

const buffer = Buffer.allocUnsafe(64 * 1024);

/**
 * Reads a record strictly, in one go: never through a symbolic link, never waiting on a FIFO. Synchronous, because
 * `list` reads some 20,000 of them, and the thread pool costs more than the reading.
 *
 * @throws RecordError for an empty, over-long, or unparsable file; MultipassError INSTANCE_BROKEN for a link;
 *   the system's own error (ENOENT) when there is none, so that the caller can tell "vanished" from "bad"
 */
export function readRecord(path: string): JsonPlace {
  return JsonPlace.parse(path, readSmallFile(path));
}

/** The same for a file that may be absent: undefined then. */
export function readRecordIfAny(path: string): JsonPlace | undefined {
  const text = readSmallFileIfAny(path);
  return text === undefined ? undefined : JsonPlace.parse(path, text);
}

/** Reads a small text file that may be absent. */
export function readSmallFileIfAny(path: string): string | undefined {
  if (isAbsent(path)) return undefined;
  try {
    return readSmallFile(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Looked at first: `list` asks for 20,000 files that are not there, and an exception for each costs more. */
function isAbsent(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    // Whatever it is, opening it tells better.
    return false;
  }
}

function readSmallFile(path: string): string {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  let descriptor: number;
  try {
    descriptor = openSync(path, flags);
  } catch (error) {
    throw meaningOf(error, path);
  }
  try {
    const length = readSync(descriptor, buffer, 0, buffer.length, 0);
    if (length < buffer.length) return buffer.toString('utf8', 0, length);
    return readLongFile(descriptor, path);
  } catch (error) {
    throw meaningOf(error, path);
  } finally {
    closeSync(descriptor);
  }
}

function readLongFile(descriptor: number, path: string): string {
  const pieces: Buffer[] = [];
  for (let offset = 0; offset <= LARGEST_RECORD;) {
    const piece = Buffer.alloc(buffer.length);
    const length = readSync(descriptor, piece, 0, piece.length, offset);
    if (length === 0) return Buffer.concat(pieces).toString('utf8');
    pieces.push(piece.subarray(0, length));
    offset += length;
  }
  throw new RecordError({ path, at: '' }, `larger than ${LARGEST_RECORD} bytes`);
}

function meaningOf(error: unknown, path: string): unknown {
  switch (errnoOf(error)) {
    case 'ENOENT':
      return error;
    case 'ELOOP':
    case 'EMLINK':
      return new MultipassError('INSTANCE_BROKEN', `"${path}" is a symbolic link`, {
        hint: 'Put the file itself in its place: a store never follows links out of an instance.',
        details: { path },
        cause: error,
      });
    case 'EISDIR':
    case 'ENXIO':
    case 'ESPIPE':
    case 'ENOTDIR':
    case 'EAGAIN':
      return new RecordError({ path, at: '' }, 'not a regular file', { cause: error });
    default:
      return fromSystemError(error, 'read', path);
  }
}

/** What write-file-atomic leaves behind when it is killed: `<file>.<number>`. Never read, never copied. */
export const LEFT_OVER_RECORD = /\.json\.\d+$/;

/** The text of a record as it stands in a file. */
export function recordText(value: unknown): string {
  return `${JSON.stringify(encodeRecord(value), null, 2)}\n`;
}

/**
 * Replaces a record atomically and durably: after a kill or a power cut it is the old one or the new one, and once
 * this returns it is the new one. Two writers must be kept apart by the instance's lock.
 * @throws MultipassError DISK_FULL, STORE_READ_ONLY, PERMISSION_DENIED, IO_ERROR; the old record is still there
 */
export async function replaceRecord(path: string, value: unknown): Promise<void> {
  const { default: writeFileAtomic } = await import('write-file-atomic');
  try {
    await writeFileAtomic(path, recordText(value), { mode: 0o600, fsync: true });
  } catch (error) {
    throw fromSystemError(error, 'write', path);
  }
  await syncPath(dirname(path));
}

/**
 * Removes what killed writers of records of a folder left beside them. The caller keeps all others from writing these.
 * A failure is logged and left to the next time: nobody ever reads what is there.
 * @param isOurs whether a record, by its name, is one that the caller may do that with
 */
export async function removeLeftOvers(
  folder: string,
  isOurs: (record: string) => boolean,
): Promise<void> {
  for (const file of await readdir(folder).catch((): string[] => [])) {
    if (!LEFT_OVER_RECORD.test(file) || !isOurs(file.replace(/\.\d+$/, ''))) continue;
    await rm(join(folder, file), { force: true }).catch((error: unknown) =>
      log('warning', 'files', `cannot remove "${join(folder, file)}": ${(error as Error).message}`),
    );
  }
}

/** Writes a record into a folder that nobody sees yet; publishing makes it durable. */
export async function writeNewRecord(path: string, value: unknown): Promise<void> {
  try {
    await writeFile(path, recordText(value), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw fromSystemError(error, 'write', path);
  }
}
