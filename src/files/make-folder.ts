import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, fromSystemError } from '../errors.js';

/** How a folder is made. */
export interface MakeFolderOptions {
  readonly mode?: number | undefined;
  /** What it is made for, for messages: `start "web"`. */
  readonly doing?: string | undefined;
}

/**
 * Makes a folder where there is none, for its owner alone unless a mode says otherwise. Parents are made with it.
 *
 * Not by a `recursive` mkdir, which says ENOENT for what a read-only file system or a mode refuses (Node 20).
 * @returns whether it was made just now
 * @throws MultipassError STORE_READ_ONLY, PERMISSION_DENIED, DISK_FULL, IO_ERROR, each with the path
 */
export async function makeFolder(
  path: string,
  { mode = 0o700, doing = 'make the folder' }: MakeFolderOptions = {},
): Promise<boolean> {
  try {
    return await tryToMake(path, mode);
  } catch (error) {
    throw fromSystemError(error, doing, path);
  }
}

async function tryToMake(path: string, mode: number): Promise<boolean> {
  try {
    await mkdir(path, { mode });
    return true;
  } catch (error) {
    // A link to a folder elsewhere, such as another disk, is the user's own arrangement.
    if (errnoOf(error) === 'EEXIST') return false;
    const parent = dirname(path);
    if (errnoOf(error) !== 'ENOENT' || parent === path) throw error;
    await tryToMake(parent, 0o700);
  }
  await mkdir(path, { mode });
  return true;
}
