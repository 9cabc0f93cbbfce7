import { join } from 'node:path';
import { checkStoreFormat } from '../../store/format.js';
import type { StoreLayout } from '../../store/layout.js';
import { replaceRecord } from '../../files/record.js';
import { instanceDeleted, instanceNotFound } from '../errors.js';
import { readInstance, type InstanceReading } from '../read-instance.js';
import { snapshotFileName, type SnapshotRecord } from '../records/snapshot-record.js';
import { readSnapshots, requireSnapshot, snapshotViews } from './snapshot-list.js';
import { openForChange, type WorkOptions } from '../open.js';
import { prepareStore } from '../sweep.js';
import type { SnapshotTexts } from './take-snapshot.js';
import { requireComment, requireFreeName, requireSnapshotName } from './snapshot-texts.js';

/** Which snapshot, and its texts that change. */
export interface ChangeSnapshotRequest extends WorkOptions, SnapshotTexts {
  readonly layout: StoreLayout;
  readonly instance: string;
  readonly snapshot: string;
}

/**
 * Gives a snapshot of an instance that does not run another name or comment, by one atomic write.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, INSTANCE_NOT_STOPPED when it is running,
 *   SNAPSHOT_NOT_FOUND, SNAPSHOT_EXISTS, INVALID_NAME, INVALID_ARGUMENT, ABORTED, DISK_FULL, …
 */
export async function changeSnapshot(request: ChangeSnapshotRequest): Promise<void> {
  const { layout, instance, snapshot, name, comment } = request;
  snapshotRecordOf(layout, instance, snapshot);
  if (name !== undefined) requireSnapshotName(name);
  if (comment !== undefined) requireComment(comment);
  await prepareStore(layout);
  const { lock } = await openForChange(layout, instance, 'set', request);
  await using held = lock;
  const { record, reading } = snapshotRecordOf(layout, instance, snapshot);
  const changed = { ...record, name: name ?? record.name, comment: comment ?? record.comment };
  if (changed.name !== record.name) {
    requireFreeName(readSnapshots(reading.dir, undefined), changed.name, instance);
  }
  held.assertHeld();
  await replaceRecord(join(reading.dir.snapshots, snapshotFileName(record.index)), changed);
}

/**
 * The record of a snapshot of an instance that is not deleted.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, SNAPSHOT_NOT_FOUND; what makes the instance Broken
 */
export function snapshotRecordOf(
  layout: StoreLayout,
  instance: string,
  snapshot: string,
): { record: SnapshotRecord; reading: InstanceReading } {
  if (!checkStoreFormat(layout)) throw instanceNotFound(instance);
  const reading = readInstance(layout, instance);
  if (reading.state === 'Deleted') throw instanceDeleted(instance);
  const views = snapshotViews(instance, readSnapshots(reading.dir, reading.pending));
  return { record: requireSnapshot(views, snapshot, instance).record, reading };
}
