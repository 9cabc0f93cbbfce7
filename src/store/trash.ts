import { lstat, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, fromSystemError } from '../errors.js';
import { log } from '../log.js';
import { InstanceDir } from './instance-dir.js';
import type { StoreLayout } from './layout.js';
import { MacTable } from './mac-table.js';
import { isOwnToken, makerState, newToken } from './maker-token.js';
import { rollForward } from './commit.js';
import { claimOf } from './staging.js';
import { syncPath } from '../files/sync.js';

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
  const trashed = await abandonedIn(layout.trash);
  // Who dies from here on may have committed to something that we do not know of: that is for the next sweep.
  const staged = await abandonedIn(layout.staging);
  const unfinished = await rollForward(layout, staged);
  const left = [
    ...trashed.map((token) => layout.trashed(token)),
    ...staged.filter((token) => !unfinished.has(token)).map((token) => layout.staged(token)),
  ];
  for (const path of left) {
    try {
      await sweepOne(layout, path, rowsOf);
    } catch (error) {
      log('warning', 'sweep', `cannot remove ${path}: ${(error as Error).message}`);
    }
  }
}

/** The entries of a folder that nobody works on any more. */
async function abandonedIn(folder: string): Promise<string[]> {
  const abandoned: string[] = [];
  for (const token of await readdir(folder).catch((): string[] => [])) {
    if (!isOwnToken(token) && (await isAbandoned(folder, token))) abandoned.push(token);
  }
  return abandoned;
}

async function sweepOne(layout: StoreLayout, path: string, rowsOf: RowsOf): Promise<void> {
  const claimed = layout.trashed(newToken());
  try {
    await rename(path, claimed);
  } catch (error) {
    // Another sweeper was faster, or it has been published.
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  await removeTrashed(layout, claimed, rowsOf);
}

async function isAbandoned(folder: string, token: string): Promise<boolean> {
  const state = makerState(token);
  if (state !== 'unknown') return state === 'dead';
  // Gone since it was listed.
  const stats = await lstat(join(folder, token)).catch(() => undefined);
  return stats !== undefined && Date.now() - stats.mtimeMs > UNKNOWN_MAKER_GRACE_MS;
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
