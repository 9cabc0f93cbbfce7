import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../files/make-folder.js';
import { readRecord, readRecordIfAny, replaceRecord } from '../../files/record.js';
import { syncPath } from '../../files/sync.js';
import { hasSnapshotNamed, readQcow2 } from '../../qemu/qcow2-header.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import { readSnapshots } from '../read-snapshots.js';
import { decodePending } from '../records/pending-record.js';
import { snapshotFileName, snapshotTag, type SnapshotRecord } from '../records/snapshot-record.js';
import { decodeSpec, type InstanceSpec } from '../records/spec.js';

/**
 * Has the records of a running instance's snapshots follow its disk, where one was being taken or deleted: whether the
 * disk has it is what decides. One that it has gets its record, which is when others see it, and the instance descends
 * from it; one that was to go, and is gone, loses it. Otherwise nothing has happened. Does nothing where neither was
 * begun. May be repeated, and killed anywhere. The caller holds the lock of the instance's mounts, or its own lock
 * alone; and QEMU is not at it any more.
 * @param consistency what the disk of one that was taken is like; by default what is on record is believed
 * @throws MultipassError DISK_FULL, IO_ERROR, …; it stays pending then
 */
export async function keepRecords(
  dir: InstanceDir,
  consistency?: SnapshotRecord['consistency'],
): Promise<void> {
  const place = readRecordIfAny(dir.pending);
  if (place === undefined) return;
  const { step } = decodePending(place);
  if (step.operation !== 'live-snapshot' && step.operation !== 'live-delete') return;
  const isThere = hasSnapshotNamed(readQcow2(dir.disk), step.tag);
  if (isThere === (step.operation === 'live-snapshot')) {
    await syncPath(dir.disk);
    if (step.operation === 'live-delete') await forget(dir, step.tag);
    else await keep(dir, consistency === undefined ? step.record : { ...step.record, consistency });
  }
  await rm(dir.pending, { force: true });
  await syncPath(dir.path);
}

async function keep(dir: InstanceDir, record: SnapshotRecord): Promise<void> {
  await makeFolder(dir.snapshots);
  const path = join(dir.snapshots, snapshotFileName(record.index));
  // Written before it was killed, by who knew more of it.
  if (!existsSync(path)) await replaceRecord(path, record);
  await syncPath(dir.snapshots);
  await descend(dir, () => record.index);
}

/** Its own record goes last: it says whose its children are. */
async function forget(dir: InstanceDir, tag: string): Promise<void> {
  const records = readSnapshots(dir, undefined);
  const gone = records.find(({ index }) => snapshotTag(index) === tag);
  if (gone === undefined) return;
  for (const child of records.filter(({ parent }) => parent === gone.index)) {
    const path = join(dir.snapshots, snapshotFileName(child.index));
    await replaceRecord(path, { ...child, parent: gone.parent });
  }
  await syncPath(dir.snapshots);
  await descend(dir, (head) => (head === gone.index ? gone.parent : head));
  await rm(join(dir.snapshots, snapshotFileName(gone.index)), { force: true });
  await syncPath(dir.snapshots);
}

/** Reads the spec as it is now: a mount may have been added since this was begun. */
async function descend(
  dir: InstanceDir,
  from: (head: InstanceSpec['snapshotHead']) => InstanceSpec['snapshotHead'],
): Promise<void> {
  const spec = decodeSpec(readRecord(dir.spec));
  const snapshotHead = from(spec.snapshotHead);
  if (snapshotHead !== spec.snapshotHead) {
    await replaceRecord(dir.spec, { ...spec, snapshotHead });
  }
}
