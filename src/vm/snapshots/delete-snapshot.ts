import { MultipassError, hasCode } from '../../errors.js';
import { hasSnapshotNamed } from '../../qemu/qcow2-header.js';
import { checkStoreFormat } from '../../store/format.js';
import type { StoreLayout } from '../../store/layout.js';
import { instanceNotFound } from '../errors.js';
import { requireChangeableDisk } from '../pending/changeable-disk.js';
import { performOperation } from '../pending/perform.js';
import { readInstance, type InstanceReading } from '../read-instance.js';
import { snapshotFileName, snapshotTag, type SnapshotRecord } from '../records/snapshot-record.js';
import { readSnapshots, requireSnapshot, snapshotViews } from './snapshot-list.js';
import { openForChange, type WorkOptions } from '../open.js';
import { prepareStore } from '../sweep.js';

/** Which snapshot is deleted. */
export interface DeleteSnapshotRequest extends WorkOptions {
  readonly layout: StoreLayout;
  readonly instance: string;
  readonly snapshot: string;
  readonly onWarning?: ((warning: string) => void) | undefined;
}

/**
 * Deletes a snapshot of an instance that does not run, for good: its children become those of its parent, and the
 * instance descends from the parent where it descended from it. A snapshot whose state the disk has lost is deleted as
 * well, with a warning. Killed before its commit point nothing has happened; after it the next command finishes it.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, INSTANCE_NOT_STOPPED when it is running,
 *   SNAPSHOT_NOT_FOUND, DISK_INVALID, DISK_IN_USE, DISK_FULL, ABORTED, …; RecordError when the instance is Broken
 */
export async function deleteSnapshot(request: DeleteSnapshotRequest): Promise<void> {
  const { layout, instance, snapshot, signal, onWarning } = request;
  requireDeletable(request);
  await prepareStore(layout);
  const opened = await openForChange(layout, instance, 'delete', request).catch(
    (error: unknown) => {
      const isRunning = hasCode(error, 'INSTANCE_NOT_STOPPED');
      throw isRunning ? snapshotsInUse(instance) : error;
    },
  );
  await using lock = opened.lock;
  const { reading, record } = requireDeletable(request);
  await requireChangeableDisk(reading, signal);
  const { dir, spec, disk } = reading;
  const tag = snapshotTag(record.index);
  const isLost = !hasSnapshotNamed(disk, tag);
  lock.assertHeld();
  await performOperation(
    dir,
    {
      step: { operation: 'delete-snapshot', tag },
      spec: spec.snapshotHead === record.index ? { ...spec, snapshotHead: record.parent } : null,
      snapshots: recordsWithout(record, readSnapshots(dir, undefined)),
    },
    signal,
  );
  if (isLost) {
    onWarning?.(
      `the disk of "${instance}" did not hold the snapshot "${snapshot}" (${tag}) any more: only its record was deleted`,
    );
  }
}

/** @throws MultipassError INSTANCE_DELETED, with Multipass's text */
export function cannotDeleteOfDeleted(snapshots: readonly string[]): MultipassError {
  return new MultipassError(
    'INSTANCE_DELETED',
    `Cannot delete snapshots of deleted instances: ${snapshots.join(', ')}`,
    { hint: 'Recover the instance first; `multipass purge` removes it with all its snapshots.' },
  );
}

function requireDeletable({ layout, instance, snapshot }: DeleteSnapshotRequest): {
  reading: InstanceReading;
  record: SnapshotRecord;
} {
  if (!checkStoreFormat(layout)) throw instanceNotFound(instance);
  const reading = readInstance(layout, instance);
  if (reading.state === 'Deleted') throw cannotDeleteOfDeleted([`${instance}.${snapshot}`]);
  const views = snapshotViews(instance, readSnapshots(reading.dir, reading.pending));
  const { record } = requireSnapshot(views, snapshot, instance);
  if (reading.state === 'Running') throw snapshotsInUse(instance);
  return { reading, record };
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

function snapshotsInUse(name: string): MultipassError {
  return new MultipassError(
    'INSTANCE_NOT_STOPPED',
    `cannot delete snapshots of "${name}" while it is running`,
    { hint: 'Stop it first: its disk holds the snapshots.', details: { name } },
  );
}
