import type { FileHandle } from 'node:fs/promises';
import { hasCode } from '../errors.js';
import { log } from '../log.js';
import { takeKernelLock } from './kernel-lock.js';

/**
 * Does something while no other process that calls this with the same path does: the kernel's lock on a file beside a
 * record, for the record is another file each time it is written. Where there is no flock(1), nobody is kept apart, and
 * the last of two writers wins.
 * @param path the lock's own file; its folder must be there
 * @throws MultipassError ABORTED while it waits; STORE_READ_ONLY, PERMISSION_DENIED; what `act` throws
 */
export async function withRecordLock<Result>(
  path: string,
  signal: AbortSignal | undefined,
  act: () => Promise<Result>,
): Promise<Result> {
  const lock = await take(path, signal);
  try {
    return await act();
  } finally {
    await lock?.close();
  }
}

async function take(
  path: string,
  signal: AbortSignal | undefined,
): Promise<FileHandle | undefined> {
  try {
    return await takeKernelLock(path, { mode: 'exclusive', wait: true, signal });
  } catch (error) {
    if (!hasCode(error, 'TOOL_MISSING')) throw error;
    log('debug', 'store', `no flock(1) here: nobody is kept from "${path}"`);
    return undefined;
  }
}
