import { lstatSync } from 'node:fs';
import { fromSystemError } from '../errors.js';
import { isPlainName, type StoreLayout } from '../store/layout.js';
import { trashInstance } from '../store/trash.js';
import { replaceRecord } from '../files/record.js';
import { isRunning, readInstance } from './read-instance.js';
import { bridgedMacs } from './records/machine-record.js';
import { rowsOfFolder } from './macs.js';
import { lockExclusively, openForChange, type WorkOptions } from './open.js';
import { prepareStore } from './sweep.js';

/**
 * Soft-deletes an instance: it keeps everything, its name too, until it is purged or recovered. One that is deleted
 * already stays so. A running one is shut down first; a suspended one stays suspended.
 * @throws MultipassError INSTANCE_NOT_FOUND, TIMED_OUT when its guest does not shut down, …; what makes it Broken
 */
export async function deleteInstance(
  layout: StoreLayout,
  name: string,
  options: WorkOptions = {},
): Promise<void> {
  await endIfRunning(layout, name, { ...options, force: false });
  await setDeleted(layout, name, true, options);
}

/** Brings a soft-deleted instance back; one that is not deleted stays as it is. Throws as {@link deleteInstance}. */
export async function recoverInstance(
  layout: StoreLayout,
  name: string,
  options: WorkOptions = {},
): Promise<void> {
  await setDeleted(layout, name, false, options);
}

/**
 * Removes an instance for good, a Broken one too: one rename takes it out of the store, and only once that is durable
 * its MAC addresses are free again and its data goes. The power of a running one is cut first.
 * @throws MultipassError INSTANCE_NOT_FOUND, ABORTED, …
 */
export async function purgeInstance(
  layout: StoreLayout,
  name: string,
  options: WorkOptions = {},
): Promise<void> {
  await prepareStore(layout);
  // A lock in what is no folder of its own would be somebody else's.
  if (isForeign(layout, name)) {
    await trashInstance(layout, name, rowsOfFolder);
    return;
  }
  await endIfRunning(layout, name, { ...options, force: true });
  await using lock = await lockExclusively(layout, name, 'purge', options);
  lock.assertHeld();
  await trash(layout, name);
}

/**
 * Removes an instance for good if it is still soft-deleted by the time its lock is held: one that was recovered
 * meanwhile stays. Throws as {@link purgeInstance}.
 */
export async function purgeDeletedInstance(
  layout: StoreLayout,
  name: string,
  options: WorkOptions = {},
): Promise<void> {
  await prepareStore(layout);
  await using lock = await lockExclusively(layout, name, 'purge', options);
  if (!readInstance(layout, name).spec.deleted) return;
  lock.assertHeld();
  await trash(layout, name);
}

/** A Broken instance may run as well: its QEMU has read its disk long ago. */
async function endIfRunning(
  layout: StoreLayout,
  name: string,
  options: WorkOptions & { force: boolean },
): Promise<void> {
  if (!isPlainName(name) || !isRunning(layout.instance(name))) return;
  const { endRun } = await import('./run/stop-instance.js');
  await endRun({ layout, name, ...options });
}

/** An address that nobody will ask for again goes back to the bridge's pool. */
async function trash(layout: StoreLayout, name: string): Promise<void> {
  const macs = bridgedMacs(layout.instance(name));
  await trashInstance(layout, name, rowsOfFolder);
  if (macs.length === 0) return;
  const { bridgeDownIfIdle, forgetLeases } = await import('./network/instance-bridge.js');
  await forgetLeases(layout, macs);
  // Its QEMU may have ended without us.
  await bridgeDownIfIdle(layout);
}

async function setDeleted(
  layout: StoreLayout,
  name: string,
  deleted: boolean,
  options: WorkOptions,
): Promise<void> {
  await prepareStore(layout);
  const { reading, lock } = await openForChange(
    layout,
    name,
    deleted ? 'delete' : 'recover',
    options,
  );
  await using held = lock;
  if (reading.spec.deleted === deleted) return;
  held.assertHeld();
  await replaceRecord(reading.dir.spec, { ...reading.spec, deleted });
}

/** True for a link or a stray file where an instance's folder should be. */
function isForeign(layout: StoreLayout, name: string): boolean {
  if (!isPlainName(name)) return false;
  const { path } = layout.instance(name);
  try {
    return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === false;
  } catch (error) {
    throw fromSystemError(error, `read "${name}"`, path);
  }
}
