import { MultipassError } from '../../errors.js';
import { hasSnapshotNamed } from '../../qemu/qcow2-header.js';
import type { StoreLayout } from '../../store/layout.js';
import { deletionOnFullDisk } from '../errors.js';
import { requireChangeableDisk } from '../pending/changeable-disk.js';
import type { InstanceReading } from '../read-instance.js';
import { snapshotFileName, snapshotTag, type SnapshotRecord } from '../records/snapshot-record.js';
import { readSnapshots } from '../read-snapshots.js';
import { requireSnapshot, snapshotViews } from './snapshot-list.js';
import { ANY_STATE, AT_REST, lookAt, openInstance } from '../open.js';
import { Work, type WorkRequest } from '../../work.js';

/** Which snapshot is deleted. */
export interface DeleteSnapshotRequest extends WorkRequest {
  readonly layout: StoreLayout;
  /** Name of the instance. */
  readonly name: string;
  readonly snapshot: string;
  /** What {@link lookAtOwners} has seen of the instance. */
  readonly seen?: InstanceReading | undefined;
}

/**
 * Deletes a snapshot of an instance that does not run, for good: its children become those of its parent, and the
 * instance descends from the parent where it descended from it. A snapshot whose state the disk has lost is deleted as
 * well, with a warning. Killed before its commit point nothing has happened; after it the next command finishes it.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, INSTANCE_NOT_STOPPED when it is started meanwhile,
 *   SNAPSHOT_NOT_FOUND, DISK_INVALID, DISK_IN_USE, DISK_FULL, ABORTED, …; RecordError when the instance is Broken
 */
export async function deleteSnapshot(request: DeleteSnapshotRequest): Promise<void> {
  try {
    await openAndDelete(request);
  } catch (error) {
    throw deletionOnFullDisk(error, request.name);
  }
}

async function openAndDelete(request: DeleteSnapshotRequest): Promise<void> {
  const { layout, name, snapshot } = request;
  const work = Work.of(request.work);
  await using opened = await openInstance(layout, name, {
    for: 'delete',
    states: AT_REST,
    refuse: snapshotsInUse,
    refuseDeleted: () => cannotDeleteOfDeleted([`${name}.${snapshot}`]),
    work,
    seen: request.seen,
    early: (reading) => void recordOf(reading, snapshot),
  });
  const { dir, spec, disk } = opened.reading;
  const record = recordOf(opened.reading, snapshot);
  await requireChangeableDisk(opened.reading, work.signal);
  const tag = snapshotTag(record.index);
  const isLost = !hasSnapshotNamed(disk, tag);
  await opened.perform(
    {
      step: { operation: 'delete-snapshot', tag },
      spec: spec.snapshotHead === record.index ? { ...spec, snapshotHead: record.parent } : null,
      snapshots: recordsWithout(record, readSnapshots(dir, undefined)),
    },
    work,
  );
  if (isLost) work.warn(wasLost(name, record));
}

/** What is said where the disk had lost the state of a snapshot that was deleted. */
export function wasLost(name: string, { index, name: snapshot }: SnapshotRecord): string {
  const tag = snapshotTag(index);
  return `the disk of "${name}" did not hold the snapshot "${snapshot}" (${tag}) any more: only its record was deleted`;
}

/**
 * Looks at the instances that snapshots belong to, before somebody is asked whether they shall go. What is Broken or
 * not there is reported when its turn comes.
 * @param snapshots the arguments, by the name of their instance
 * @throws MultipassError INSTANCE_DELETED for the snapshots of instances that are soft-deleted, with Multipass's text
 */
export function lookAtOwners(
  layout: StoreLayout,
  snapshots: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<string, InstanceReading> {
  const readings = new Map<string, InstanceReading>();
  const ofDeleted: string[] = [];
  for (const [name, named] of snapshots) {
    const reading = lookIfReadable(layout, name);
    if (reading?.state === 'Deleted') ofDeleted.push(...named);
    else if (reading !== undefined) readings.set(name, reading);
  }
  if (ofDeleted.length > 0) throw cannotDeleteOfDeleted(ofDeleted);
  return readings;
}

function lookIfReadable(layout: StoreLayout, name: string): InstanceReading | undefined {
  try {
    return lookAt(layout, name, { for: 'delete', states: [...ANY_STATE, 'Deleted'], disk: 'any' });
  } catch (error) {
    if (error instanceof MultipassError) return undefined;
    throw error;
  }
}

function cannotDeleteOfDeleted(snapshots: readonly string[]): MultipassError {
  return new MultipassError(
    'INSTANCE_DELETED',
    `Cannot delete snapshots of deleted instances: ${snapshots.join(', ')}`,
    { hint: 'Recover the instance first; `multipass purge` removes it with all its snapshots.' },
  );
}

/** The record of one of its snapshots. @throws MultipassError SNAPSHOT_NOT_FOUND; RecordError */
export function recordOf(
  { name, dir, pending }: InstanceReading,
  snapshot: string,
): SnapshotRecord {
  const views = snapshotViews(name, readSnapshots(dir, pending));
  return requireSnapshot(views, snapshot, name).record;
}

/** The records that change: the snapshot's own, and those of its children. */
function recordsWithout(
  { index, parent }: SnapshotRecord,
  records: readonly SnapshotRecord[],
): ReadonlyMap<string, SnapshotRecord | null> {
  const children = records.filter((record) => record.parent === index);
  return new Map<string, SnapshotRecord | null>([
    [snapshotFileName(index), null],
    ...children.map((child) => [snapshotFileName(child.index), { ...child, parent }] as const),
  ]);
}

/** It was at rest a moment ago: one that runs has its QEMU delete them. */
function snapshotsInUse(name: string): MultipassError {
  return new MultipassError(
    'INSTANCE_NOT_STOPPED',
    `cannot delete snapshots of "${name}" while it is starting`,
    { hint: 'Try again in a moment: its disk holds the snapshots.', details: { name } },
  );
}
