import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fromSystemError } from '../errors.js';

/**
 * Replaces a small file atomically and durably: after a kill or a power cut it is the old one or the new one. Writers
 * must be kept apart by the caller.
 * @throws MultipassError DISK_FULL, STORE_READ_ONLY, PERMISSION_DENIED, IO_ERROR; the old file is still there
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  // One name, so that what a killed writer left is overwritten and nothing piles up.
  const fresh = `${path}.new`;
  try {
    await writeDurably(fresh, text);
    await rename(fresh, path);
    await syncFolder(dirname(path));
  } catch (error) {
    throw fromSystemError(error, 'write', path);
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const handle = await open(path, 'w', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
