import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fromSystemError } from '../errors.js';

/** Makes a file's content, or a folder's entries, survive a power cut. @throws MultipassError (IO_ERROR, …) */
export async function syncPath(path: string): Promise<void> {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fromSystemError(error, 'write to the disk', path);
  }
}

/**
 * Makes a whole tree survive a power cut: every regular file whoever wrote it (cp and qemu-img do not), then the
 * folders bottom up. Links are entries of their folder, and so covered by it.
 */
export async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await syncTree(path);
    else if (entry.isFile()) await syncPath(path);
  }
  await syncPath(folder);
}
