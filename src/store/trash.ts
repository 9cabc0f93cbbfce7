import { lstat, rename, rm } from 'node:fs/promises';
import { ownTurn } from '../process/own-turn.js';
import { errnoOf, fromSystemError, MultipassError } from '../errors.js';
import { log } from '../log.js';
import { InstanceDir } from './instance-dir.js';
import type { StoreLayout } from './layout.js';
import { isLiving } from './living.js';
import { MacTable, type RowsOf } from './mac-table.js';
import { newToken } from './maker-token.js';
import { claimOf } from './claim.js';
import { PortTable } from './port-table.js';
import { syncPath } from '../files/sync.js';

/** What else is due once an instance is gone for good, while its folder in the trash still says so. May be repeated. */
export type AfterPurge = () => Promise<void>;

/**
 * Takes an instance out of the store: one rename into `trash/`, made durable; then its MAC rows, unless another folder
 * has its uuid, then what else is due, then its data. A kill after the rename leaves the rest to the next sweep. The
 * caller holds the instance's exclusive lock.
 * @throws MultipassError PERMISSION_DENIED, IO_ERROR, …; one from after the rename says that it is deleted
 */
export async function trashInstance(
  layout: StoreLayout,
  name: string,
  rowsOf: RowsOf,
  afterPurge?: AfterPurge,
): Promise<void> {
  const trashed = layout.trashed(newToken());
  const { path } = layout.instance(name);
  try {
    await rename(path, trashed);
  } catch (error) {
    throw fromSystemError(error, `remove "${name}"`, path);
  }
  try {
    await removeTrashed(layout, trashed, rowsOf, afterPurge);
  } catch (error) {
    throw isGoneButData(error, name, trashed);
  }
}

/** What fails after the rename does not bring it back. */
function isGoneButData(error: unknown, name: string, path: string): unknown {
  const cause = fromSystemError(error, 'remove its data', path);
  if (!(cause instanceof MultipassError)) return cause;
  const { message, hint } = cause;
  return cause.restated({
    message: `"${name}" is deleted, but its data is still there: ${message}`,
    hint: `${hint === undefined ? '' : `${hint} `}The next command that changes the store removes it.`,
    details: { pending: 'purge' },
  });
}

/**
 * Removes a folder of the trash. First the rename that took it out of the store is made durable, then its MAC rows are
 * released and what else is due is done, then its data is removed: a kill before leaves all of it to the next sweep.
 */
export async function removeTrashed(
  layout: StoreLayout,
  path: string,
  rowsOf: RowsOf,
  afterPurge?: AfterPurge,
): Promise<void> {
  // A power cut must not bring back an instance whose MAC rows are free, whoever began to remove it.
  await syncPath(layout.instances);
  await syncPath(layout.trash);
  // A link, perhaps to the folder of another instance, has no MAC rows of its own.
  if ((await lstat(path)).isDirectory()) await releaseRows(layout, new InstanceDir(path), rowsOf);
  await afterPurge?.();
  await rm(path, { recursive: true, force: true }).catch((error: unknown) => {
    if (errnoOf(error) !== 'ENOTEMPTY') throw fromSystemError(error, 'remove', path);
    // NFS and FUSE keep a file that somebody has open, as we have the lock, under another name until it is closed.
    log('debug', 'trash', `the rest of ${path} is for the next sweep`);
  });
}

async function releaseRows(
  layout: StoreLayout,
  folder: InstanceDir,
  rowsOf: RowsOf,
): Promise<void> {
  const macs = new MacTable(layout);
  const ports = new PortTable(layout);
  await ownTurn();
  for (const held of [await claimOf(folder), await rowsOf(folder)]) {
    if (held === undefined) continue;
    await ports.release(held.ports ?? [], { uuid: held.uuid, rowsOf });
    // A copy of its folder, made by hand, has the same addresses.
    if (await isLiving(layout, held.uuid, rowsOf)) continue;
    for (const hex of held.rows) await macs.release(hex, held.uuid);
  }
}
