import { lstatSync } from 'node:fs';
import { fromSystemError } from '../errors.js';
import { checkStoreFormat } from '../store/format.js';
import { isPlainName, type StoreLayout } from '../store/layout.js';
import { noteFolders } from '../store/living.js';
import { trashInstance } from '../store/trash.js';
import { Work, type WorkRequest } from '../work.js';
import { forgetAliases } from './aliases/forget-aliases.js';
import { deletionOnFullDisk, instanceNotFound, isNotFound } from './errors.js';
import { lockInstance } from './lock-instance.js';
import { readInstances } from './list-instances.js';
import { rowsOfFolder } from './macs.js';
import { AT_REST, openInstance, type ReadableState } from './open.js';
import { isRunning, readInstance, type InstanceReading } from './read-instance.js';
import { bridgedCards } from './records/machine-record.js';
import { prepareStore } from './sweep.js';

const AT_REST_OR_DELETED: readonly ReadableState[] = [...AT_REST, 'Deleted'];

/** Which instance is deleted or recovered. */
export interface DeleteRequest extends WorkRequest {
  /** What the same command has seen of it before; without it, that is looked at first. */
  readonly seen?: InstanceReading | undefined;
  /** To purge this one alone: what bears the name and has another uuid is left alone. */
  readonly uuid?: string | undefined;
}

/**
 * Soft-deletes an instance: it keeps everything, its name too, until it is purged or recovered. One that is deleted
 * already stays so. A running one is shut down first; a suspended one stays suspended.
 * @throws MultipassError INSTANCE_NOT_FOUND, TIMED_OUT when its guest does not shut down, …; what makes it Broken
 */
export async function deleteInstance(
  layout: StoreLayout,
  name: string,
  request: DeleteRequest = {},
): Promise<void> {
  const work = Work.of(request.work);
  await endIfRunning(layout, name, { work, force: false });
  try {
    await setDeleted(layout, name, { ...request, work, deleted: true });
  } catch (error) {
    throw deletionOnFullDisk(error, name);
  }
}

/** Brings a soft-deleted instance back; one that is not deleted stays as it is. Throws as {@link deleteInstance}. */
export async function recoverInstance(
  layout: StoreLayout,
  name: string,
  request: DeleteRequest = {},
): Promise<void> {
  await setDeleted(layout, name, { ...request, work: Work.of(request.work), deleted: false });
}

/**
 * Removes an instance for good, a Broken one too: one rename takes it out of the store, and only once that is durable
 * its MAC addresses are free again and its data goes. The power of a running one is cut first.
 * @throws MultipassError INSTANCE_NOT_FOUND, ABORTED, …
 */
export async function purgeInstance(
  layout: StoreLayout,
  name: string,
  request: DeleteRequest = {},
): Promise<void> {
  const work = Work.of(request.work);
  if (request.seen === undefined) await requireStore(layout, name);
  else await prepareStore(layout, { exists: true });
  // A lock in what is no folder of its own would be somebody else's.
  if (isForeign(layout, name)) {
    await trashInstance(layout, name, rowsOfFolder);
    return;
  }
  requireUuid(layout, name, request.uuid);
  await endIfRunning(layout, name, { work, force: true });
  await using lock = await lockInstance(layout, name, { for: 'purge', mode: 'exclusive', work });
  requireUuid(layout, name, request.uuid);
  lock.assertHeld();
  await trash(layout, name, work);
}

/**
 * The names of the soft-deleted instances. What dead commands left is swept even when there are none: purging is how a
 * user makes room.
 * @returns undefined where there is no store
 * @throws MultipassError STORE_TOO_NEW, PERMISSION_DENIED, …
 */
export async function namesToPurge(layout: StoreLayout): Promise<string[] | undefined> {
  if (!checkStoreFormat(layout)) return undefined;
  await prepareStore(layout, { exists: true });
  const remember = noteFolders(layout);
  const listed = await readInstances(layout);
  remember(
    new Map(listed.flatMap(({ reading }) => (reading ? [[reading.name, reading.spec.uuid]] : []))),
  );
  return listed.filter(({ view }) => view.state === 'Deleted').map(({ view }) => view.name);
}

/**
 * Removes an instance for good if it is still soft-deleted by the time its lock is held: one that was recovered
 * meanwhile stays.
 * @param request `isListed`: it is one of {@link namesToPurge}, so the store has been looked at
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_NOT_STOPPED, ABORTED, …; what makes it Broken
 */
export async function purgeDeletedInstance(
  layout: StoreLayout,
  name: string,
  request: WorkRequest & { readonly isListed?: boolean } = {},
): Promise<void> {
  const work = Work.of(request.work);
  if (request.isListed !== true) await requireStore(layout, name);
  await using lock = await lockInstance(layout, name, { for: 'purge', mode: 'exclusive', work });
  if (!readInstance(layout, name).spec.deleted) return;
  lock.assertHeld();
  await trash(layout, name, work);
}

/** @throws MultipassError INSTANCE_NOT_FOUND when another instance has that name by now */
function requireUuid(layout: StoreLayout, name: string, uuid: string | undefined): void {
  if (uuid === undefined) return;
  let found: string;
  try {
    found = readInstance(layout, name).spec.uuid;
  } catch (error) {
    // What is Broken has no uuid to be told by.
    if (isNotFound(error)) throw error;
    return;
  }
  if (found !== uuid) throw instanceNotFound(name);
}

async function requireStore(layout: StoreLayout, name: string): Promise<void> {
  if (!checkStoreFormat(layout)) throw instanceNotFound(name);
  await prepareStore(layout, { exists: true });
}

/** A Broken instance may run as well: its QEMU has read its disk long ago. */
async function endIfRunning(
  layout: StoreLayout,
  name: string,
  options: { readonly work: Work; readonly force: boolean },
): Promise<void> {
  if (!isPlainName(name) || !isRunning(layout.instance(name))) return;
  const { endRun } = await import('./run/stop-instance.js');
  await endRun({ layout, name, ...options });
}

/** An address that nobody will ask for again goes back to the bridge's pool. */
async function trash(layout: StoreLayout, name: string, work: Work): Promise<void> {
  const cards = bridgedCards(layout.instance(name));
  await trashInstance(layout, name, rowsOfFolder, async () => await forgetAliases(layout, work));
  if (cards.length === 0) return;
  const { networkDownIfIdle, forgetLeases } = await import('./network/leave-network.js');
  await forgetLeases(layout, cards);
  // Its QEMU may have ended without us.
  await networkDownIfIdle(layout, cards);
}

async function setDeleted(
  layout: StoreLayout,
  name: string,
  { seen, work, deleted }: DeleteRequest & { readonly work: Work; readonly deleted: boolean },
): Promise<void> {
  await using opened = await openInstance(layout, name, {
    for: deleted ? 'delete' : 'recover',
    states: AT_REST_OR_DELETED,
    disk: 'any',
    copy: 'allowed',
    // One that ran then has been stopped since.
    seen: seen?.state === 'Running' ? undefined : seen,
    work,
  });
  if (opened.reading.spec.deleted !== deleted) await opened.writeSpec({ deleted });
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
