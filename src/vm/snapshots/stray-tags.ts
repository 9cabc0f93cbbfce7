import { SUSPEND_TAG, type InstanceReading } from '../read-instance.js';
import { snapshotTag, type SnapshotRecord } from '../records/snapshot-record.js';

/** An internal snapshot of a disk that no record names: left by another program, or by a lost record. */
export interface StrayTag {
  /** Whose disk holds it. */
  readonly instance: string;
  /** What it is called in the disk. */
  readonly tag: string;
}

/** The stray tags of an instance. With an operation pending, its own tag is none, whether it comes or goes. */
export function strayTags(
  { name, disk, pending }: InstanceReading,
  records: readonly SnapshotRecord[],
): StrayTag[] {
  const known = new Set([SUSPEND_TAG, ...records.map(({ index }) => snapshotTag(index))]);
  if (pending !== undefined && 'tag' in pending.step) known.add(pending.step.tag);
  const tags = new Set(disk.snapshots.map((snapshot) => snapshot.name));
  return [...tags].filter((tag) => !known.has(tag)).map((tag) => ({ instance: name, tag }));
}
