import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fromSystemError } from '../errors.js';
import { encodeRecord } from './decoder.js';
import { syncPath } from './sync.js';

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

/** Writes a record into a folder that nobody sees yet; publishing makes it durable. */
export async function writeNewRecord(path: string, value: unknown): Promise<void> {
  try {
    await writeFile(path, recordText(value), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw fromSystemError(error, 'write', path);
  }
}
