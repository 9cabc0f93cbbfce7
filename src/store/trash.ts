import { lstat, readdir, rename, rm } from 'node:fs/promises';
import { errnoOf, fromSystemError } from '../errors.js';
import { log } from '../log.js';
import { InstanceDir } from './instance-dir.js';
import type { StoreLayout } from './layout.js';
import { MacTable } from './mac-table.js';
import { isOwnToken, makerState, newToken } from './maker-token.js';
import { rollForward } from './commit.js';
import { claimOf } from './staging.js';
import { syncPath } from './sync.js';

/** What an instance's folder holds in the MAC table. The store knows the rows; only vm can read a spec. */
export type RowsOf = (
  folder: InstanceDir,
) => Promise<{ uuid: string; rows: readonly string[] } | undefined>;

/** Folders whose maker nobody can ask (another machine or pid namespace) are left alone this long. */
const UNKNOWN_MAKER_GRACE_MS = 24 * 60 * 60 * 1000;

/**
 * Takes an instance out of the store: one rename into `trash/`, made durable; then its MAC rows, then its data. A
 * kill after the rename leaves the rest to the next sweep. The caller holds the instance's exclusive lock.
 */
export async function trashInstance(
  layout: StoreLayout,
  name: string,
  rowsOf: RowsOf,
): Promise<void> {
  const trashed = layout.trashed(newToken());
  const { path } = layout.instance(name);
  try {
    await rename(path, trashed);
  } catch (error) {
    throw fromSystemError(error, `remove "${name}"`, path);
  }
  await removeTrashed(layout, trashed, rowsOf);
}

/**
 * Removes what dead processes left in `staging/` and `trash/`, without waiting for anybody; touches nothing else. What
 * they had committed to is finished first.
 * Every command that changes the store begins with this. A sweeper claims a folder by renaming it into the trash
 * under its own token, so two never work on one. A failure is logged and left to the next sweep.
 */
export async function sweep(layout: StoreLayout, rowsOf: RowsOf): Promise<void> {
  await rollForward(layout).catch((error: unknown) =>
    log('warning', 'sweep', `cannot finish a commit: ${(error as Error).message}`),
  );
  for (const folder of [layout.trash, layout.staging]) {
    for (const token of await readdir(folder).catch((): string[] => [])) {
      try {
        await sweepOne(layout, new InstanceDir(`${folder}/${token}`), rowsOf);
      } catch (error) {
        log('warning', 'sweep', `cannot remove ${token}: ${(error as Error).message}`);
      }
    }
  }
}

async function sweepOne(layout: StoreLayout, left: InstanceDir, rowsOf: RowsOf): Promise<void> {
  if (isOwnToken(left.name) || !(await isAbandoned(left))) return;
  const claimed = layout.trashed(newToken());
  try {
    await rename(left.path, claimed);
  } catch (error) {
    // Another sweeper was faster, or its maker published it after all.
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  await removeTrashed(layout, claimed, rowsOf);
}

async function isAbandoned(left: InstanceDir): Promise<boolean> {
  const state = makerState(left.name);
  if (state !== 'unknown') return state === 'dead';
  const { mtimeMs } = await lstat(left.path);
  return Date.now() - mtimeMs > UNKNOWN_MAKER_GRACE_MS;
}

async function removeTrashed(layout: StoreLayout, path: string, rowsOf: RowsOf): Promise<void> {
  // A power cut must not bring an instance back whose MAC rows are free; nor may one whose purger died here.
  await syncPath(layout.instances);
  await syncPath(layout.trash);
  // What is no real folder (a link to one, perhaps to another instance's) holds nothing of its own.
  if ((await lstat(path)).isDirectory()) await releaseRows(layout, new InstanceDir(path), rowsOf);
  await rm(path, { recursive: true, force: true });
}

async function releaseRows(
  layout: StoreLayout,
  folder: InstanceDir,
  rowsOf: RowsOf,
): Promise<void> {
  const macs = new MacTable(layout);
  for (const held of [await claimOf(folder), await rowsOf(folder)]) {
    for (const hex of held?.rows ?? []) await macs.release(hex, held?.uuid ?? '');
  }
}
