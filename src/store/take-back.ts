import { lstat, type FileHandle } from 'node:fs/promises';
import { errnoOf, hasCode, MultipassError } from '../errors.js';
import { log } from '../log.js';
import type { Publication } from './commit.js';
import type { InstanceDir } from './instance-dir.js';
import { takeKernelLock } from './kernel-lock.js';
import type { StoreLayout } from './layout.js';
import type { RowsOf } from './mac-table.js';
import { trashInstance } from './trash.js';

/**
 * Removes instances of a set that was given up after some of them had become visible. Each is identified by its uuid
 * and the inode of its folder, never by its name, which may be another instance's by now. One whose lock another
 * process holds is in use, and stays. May be repeated; never waits.
 * @throws MultipassError IO_ERROR, …
 */
export async function takeBack(
  layout: StoreLayout,
  publications: readonly Publication[],
  rowsOf: RowsOf,
): Promise<void> {
  for (const publication of publications) {
    const dir = layout.instance(publication.name);
    if (!(await isIt(dir, publication, rowsOf))) continue;
    const lock = await lockIfIdle(dir);
    if (lock === 'in use') {
      log('info', 'sweep', `"${publication.name}" is in use by now, and stays`);
      continue;
    }
    try {
      // Who had the lock before may have put another in its place.
      if (await isIt(dir, publication, rowsOf)) await trashInstance(layout, dir.name, rowsOf);
    } finally {
      await lock?.close();
    }
  }
}

async function isIt(
  dir: InstanceDir,
  { uuid, inode }: Publication,
  rowsOf: RowsOf,
): Promise<boolean> {
  try {
    const stats = await lstat(dir.path, { bigint: true });
    if (!stats.isDirectory() || String(stats.ino) !== inode) return false;
    return (await rowsOf(dir))?.uuid === uuid;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Undefined where there is no flock(1): nobody has the lock then. */
async function lockIfIdle(dir: InstanceDir): Promise<FileHandle | 'in use' | undefined> {
  try {
    const options = { mode: 'exclusive', wait: false } as const;
    return (await takeKernelLock(dir.lock, options)) ?? 'in use';
  } catch (error) {
    if (hasCode(error, 'TOOL_MISSING')) return undefined;
    if (error instanceof MultipassError || errnoOf(error) !== 'ENOENT') throw error;
    return 'in use';
  }
}
