import { join } from 'node:path';
import { replaceRecord } from '../../files/record.js';
import type { StoreLayout } from '../../store/layout.js';
import { Work, type WorkRequest } from '../../work.js';
import { ANY_STATE, AT_REST, lookAt, openInstance } from '../open.js';
import type { InstanceReading } from '../read-instance.js';
import { snapshotFileName, type SnapshotRecord } from '../records/snapshot-record.js';
import { readSnapshots } from '../read-snapshots.js';
import { requireSnapshot, snapshotViews } from './snapshot-list.js';
import { requireComment, requireFreeName, requireSnapshotName } from './snapshot-texts.js';
import type { SnapshotTexts } from './snapshot-choices.js';

/** Which snapshot, and its texts that change. */
export interface ChangeSnapshotRequest extends WorkRequest {
  readonly layout: StoreLayout;
  /** Name of the instance. */
  readonly name: string;
  readonly snapshot: string;
  readonly texts: SnapshotTexts;
}

/**
 * Gives a snapshot of an instance that does not run another name or comment, by one atomic write.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, INSTANCE_NOT_STOPPED when it is running,
 *   SNAPSHOT_NOT_FOUND, SNAPSHOT_EXISTS, INVALID_NAME, INVALID_ARGUMENT, ABORTED, DISK_FULL, …
 */
export async function changeSnapshot(request: ChangeSnapshotRequest): Promise<void> {
  const { layout, name, snapshot, texts } = request;
  if (texts.name !== undefined) requireSnapshotName(texts.name);
  if (texts.comment !== undefined) requireComment(texts.comment);
  await using opened = await openInstance(layout, name, {
    for: 'set',
    states: AT_REST,
    disk: 'any',
    work: Work.of(request.work),
    early: (reading) => void recordOf(reading, snapshot),
  });
  const { dir } = opened.reading;
  const record = recordOf(opened.reading, snapshot);
  const { name: newName = record.name, comment = record.comment } = texts;
  if (newName !== record.name) requireFreeName(readSnapshots(dir, undefined), newName, name);
  opened.assertHeld();
  const path = join(dir.snapshots, snapshotFileName(record.index));
  await replaceRecord(path, { ...record, name: newName, comment });
}

/**
 * The record of a snapshot of an instance that is not deleted.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, SNAPSHOT_NOT_FOUND; what makes the instance Broken
 */
export function snapshotRecordOf(
  layout: StoreLayout,
  name: string,
  snapshot: string,
): SnapshotRecord {
  return recordOf(lookAt(layout, name, { for: 'get', states: ANY_STATE, disk: 'any' }), snapshot);
}

function recordOf({ name, dir, pending }: InstanceReading, snapshot: string): SnapshotRecord {
  const views = snapshotViews(name, readSnapshots(dir, pending));
  return requireSnapshot(views, snapshot, name).record;
}
