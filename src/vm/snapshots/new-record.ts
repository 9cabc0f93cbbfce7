import { instanceIdOf } from '../pending/seed-change.js';
import type { InstanceReading } from '../read-instance.js';
import type { SnapshotRecord } from '../records/snapshot-record.js';
import { readSnapshots } from '../read-snapshots.js';
import { firstFreeSnapshotName, nextIndex } from './snapshot-numbers.js';
import { requireFreeName } from './snapshot-texts.js';
import type { SnapshotTexts } from './snapshot-choices.js';

/**
 * What a snapshot of an instance says, as that is now; the caller sees to it that nobody else takes one.
 * @throws MultipassError SNAPSHOT_EXISTS; INVALID_ARGUMENT when there is no number left; RecordError
 */
export function newRecord(
  { dir, spec, disk }: InstanceReading,
  { name, comment = '' }: SnapshotTexts,
): SnapshotRecord {
  const records = readSnapshots(dir, undefined);
  if (name !== undefined) requireFreeName(records, name, dir.name);
  const { cpus, memory, interfaces, mounts } = spec;
  return {
    index: nextIndex(records, disk),
    name: name ?? firstFreeSnapshotName(records),
    comment,
    parent: spec.snapshotHead,
    created: new Date().toISOString(),
    cpus,
    memory,
    disk: disk.virtualSize,
    interfaces,
    mounts,
    instanceId: instanceIdOf(dir),
  };
}
