import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../files/make-folder.js';
import { readRecord, readRecordIfAny, replaceRecord } from '../../files/record.js';
import { syncPath } from '../../files/sync.js';
import { hasSnapshotNamed, readQcow2 } from '../../qemu/qcow2-header.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import { decodePending } from '../records/pending-record.js';
import { snapshotFileName, type SnapshotRecord } from '../records/snapshot-record.js';
import { decodeSpec } from '../records/spec.js';

/**
 * Ends a snapshot that was begun of a running instance: whether the disk has it is what decides. If so it gets its
 * record, which is when others see it, and the instance descends from it; if not, nothing has happened. Does nothing
 * where none was begun. May be repeated, and killed anywhere. The caller holds the lock of the instance's mounts, or
 * its own lock alone; and QEMU is not at it any more.
 * @param consistency what the disk is like; by default what is on record is believed
 * @throws MultipassError DISK_FULL, IO_ERROR, …; it stays pending then
 */
export async function keepTaken(
  dir: InstanceDir,
  consistency?: SnapshotRecord['consistency'],
): Promise<void> {
  const place = readRecordIfAny(dir.pending);
  if (place === undefined) return;
  const { step } = decodePending(place);
  if (step.operation !== 'live-snapshot') return;
  if (hasSnapshotNamed(readQcow2(dir.disk), step.tag)) {
    await syncPath(dir.disk);
    await keep(dir, consistency === undefined ? step.record : { ...step.record, consistency });
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
  // Of now: a mount may have been added since the snapshot was begun.
  const spec = decodeSpec(readRecord(dir.spec));
  await replaceRecord(dir.spec, { ...spec, snapshotHead: record.index });
}
