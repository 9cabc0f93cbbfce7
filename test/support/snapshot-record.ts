import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { InstanceDir } from '../../src/store/instance-dir.js';
import { recordText } from '../../src/files/record.js';
import { snapshotFileName, type SnapshotRecord } from '../../src/vm/records/snapshot-record.js';
import { specOf } from './store-fixture.js';

/** The record of a snapshot, as it would have been taken of a plain instance. */
export function snapshotRecord(
  index: number,
  changes: Partial<SnapshotRecord> = {},
): SnapshotRecord {
  const { cpus, memory, disk, interfaces, mounts } = specOf();
  return {
    index,
    name: `snapshot${index}`,
    comment: '',
    parent: index - 1,
    created: '2026-01-02T03:04:05.678Z',
    cpus,
    memory,
    disk,
    interfaces,
    mounts,
    instanceId: 'web',
    ...changes,
  };
}

/** Puts the record of a snapshot into an instance's folder; the tag in the disk is another matter. */
export async function writeSnapshot(dir: InstanceDir, record: SnapshotRecord): Promise<void> {
  await mkdir(dir.snapshots, { recursive: true });
  await writeFile(join(dir.snapshots, snapshotFileName(record.index)), recordText(record));
}
