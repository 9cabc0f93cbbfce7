import { randomUUID } from 'node:crypto';
import { MultipassError } from '../../errors.js';
import { log } from '../../log.js';
import type { StoreLayout } from '../../store/layout.js';
import { requireChangeableDisk } from '../pending/changeable-disk.js';
import type { SeedChange } from '../records/pending-record.js';
import { instanceIdOf, planSeedChange } from '../pending/seed-change.js';
import type { InstanceReading } from '../read-instance.js';
import { snapshotTag, type SnapshotRecord } from '../records/snapshot-record.js';
import { readSnapshots } from '../read-snapshots.js';
import { requireSnapshot, snapshotViews } from './snapshot-list.js';
import { openInstance, type OpenedInstance } from '../open.js';
import { Work, type WorkRequest } from '../../work.js';
import { hintToStop } from '../errors.js';
import { claimRestored, sameInterfaces, type RestoredInterfaces } from './restored-interfaces.js';
import { snapshotOpened } from './take-snapshot.js';

/** What becomes of the present state when a snapshot is restored. */
export interface RestoreOptions extends WorkRequest {
  /**
   * True: a snapshot of the present state is taken first. Default: it is lost. A function is asked once it is known
   * that the snapshot can be restored, with no lock held: people may take their time.
   */
  readonly keepsPresent?: boolean | (() => Promise<boolean>) | undefined;
  /** Called with the snapshot that was taken first, once it is safe. */
  readonly onSnapshot?: ((record: SnapshotRecord) => void) | undefined;
}

/** Which snapshot of which instance is restored. */
export interface RestoreSnapshotRequest extends RestoreOptions {
  readonly layout: StoreLayout;
  /** Name of the instance. */
  readonly name: string;
  readonly snapshot: string;
  /** Called at the end with the restored instance, which is still held, where its memory was saved with it. */
  readonly goOn?: ((opened: OpenedInstance, record: SnapshotRecord) => Promise<void>) | undefined;
}

/**
 * Brings a stopped instance back to a snapshot: its disk with the size it had, cpus, memory, mounts and interfaces. Its
 * vmgenid is a new one, and its host keys are forgotten. Where the interfaces were others, its seed tells of those it
 * has again. Killed before its commit point nothing of that has happened (a snapshot of the present state may have been
 * taken); after it the next command finishes it.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, INSTANCE_NOT_STOPPED, SNAPSHOT_NOT_FOUND, DISK_INVALID,
 *   DISK_IN_USE, SEED_INVALID, DISK_FULL, ABORTED, …; RecordError when the instance is Broken
 */
export async function restoreSnapshot(request: RestoreSnapshotRequest): Promise<void> {
  const { layout, name, snapshot, keepsPresent = false } = request;
  const work = Work.of(request.work);
  let keeps = keepsPresent === true;
  await using opened = await openInstance(layout, name, {
    for: 'restore',
    states: ['Stopped'],
    refuse: canOnlyRestoreStopped,
    work,
    early: async (reading) => {
      findState(reading, snapshot);
      if (typeof keepsPresent === 'function') keeps = await keepsPresent();
    },
  });
  work.begin('restoring', name);
  const { record } = findState(opened.reading, snapshot);
  await requireChangeableDisk(opened.reading, work.signal);
  if (keeps) {
    const comment = `Before restoring ${snapshot}`;
    const taken = await snapshotOpened(opened, { comment }, work);
    request.onSnapshot?.(taken);
  }
  const { spec } = opened.reading;
  const { diskSize } = findState(opened.reading, snapshot);
  const restored = await claimRestored(layout, opened.reading, record);
  const { change: seed, warnings } = seedThen(opened.reading, record, restored);
  const { cpus, memory, mounts, index } = record;
  await opened.perform(
    {
      step: { operation: 'restore', tag: snapshotTag(index) },
      spec: {
        ...spec,
        cpus,
        memory,
        disk: diskSize,
        mounts,
        interfaces: restored.interfaces,
        // The machine goes on from another past than the one it had.
        vmgenid: randomUUID(),
        snapshotHead: index,
      },
      snapshots: new Map(),
      seed,
    },
    work,
  );
  for (const warning of [...restored.warnings, ...warnings]) work.warn(warning);
  if (record.machine !== undefined) await request.goOn?.(opened, record);
}

/** The record of a snapshot, and the size that its state gives the disk. */
function findState(
  { name, dir, pending, disk }: InstanceReading,
  snapshot: string,
): { record: SnapshotRecord; diskSize: number } {
  const views = snapshotViews(name, readSnapshots(dir, pending));
  const { record } = requireSnapshot(views, snapshot, name);
  const tag = snapshotTag(record.index);
  const state = disk.snapshots.find((one) => one.name === tag);
  const isBeingTaken = pending?.step.operation === 'snapshot' && pending.step.tag === tag;
  if (state !== undefined || isBeingTaken) {
    return { record, diskSize: state?.diskSize ?? disk.virtualSize };
  }
  throw new MultipassError(
    'SNAPSHOT_NOT_FOUND',
    `the disk of "${name}" does not hold the snapshot "${snapshot}" (${tag}) any more`,
    {
      hint: `Remove its record (\`multipass delete --purge ${name}.${snapshot}\`); nothing was changed.`,
      details: { instance: name, snapshot, tag },
    },
  );
}

/**
 * The seed belongs to the disk: under the instance-id that the disk knows cloud-init leaves everything as it is. Only a
 * card with an address that the disk has never seen has to be set up, and so takes a new one.
 */
function seedThen(
  { dir, spec }: InstanceReading,
  record: SnapshotRecord,
  { interfaces, changes, hasNewMac }: RestoredInterfaces,
): { change: SeedChange | undefined; warnings: string[] } {
  const present = instanceIdOf(dir);
  const instanceId = hasNewMac ? randomUUID() : (record.instanceId ?? present ?? spec.uuid);
  const isSame = sameInterfaces(spec.interfaces, interfaces) && !hasNewMac;
  if (isSame && (present === null || present === instanceId)) {
    log('debug', 'restore', 'the seed stays as it is');
    return { change: undefined, warnings: [] };
  }
  return planSeedChange(dir, { instanceId, interfaces: changes });
}

/** With Multipass's text. */
function canOnlyRestoreStopped(name: string, state: string): MultipassError {
  return new MultipassError(
    'INSTANCE_NOT_STOPPED',
    'Multipass can only restore snapshots of stopped instances.',
    { hint: hintToStop(name, state), details: { name, state } },
  );
}
