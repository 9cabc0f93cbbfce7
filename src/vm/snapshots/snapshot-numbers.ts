import { MultipassError } from '../../errors.js';
import type { Qcow2Facts } from '../../qemu/qcow2-header.js';
import { snapshotTag, type SnapshotRecord } from '../records/snapshot-record.js';

/** What Multipass's file names have room for. */
const LAST_INDEX = 9999;

/**
 * The index of the next snapshot: the highest plus 1, and further on past each whose tag the disk holds without a
 * record, for that state is somebody's.
 * @throws MultipassError INVALID_ARGUMENT when there is none left
 */
export function nextIndex(
  records: readonly Pick<SnapshotRecord, 'index'>[],
  disk: Pick<Qcow2Facts, 'snapshots'>,
): number {
  const tags = new Set(disk.snapshots.map(({ name }) => name));
  let index = Math.max(0, ...records.map((record) => record.index)) + 1;
  while (tags.has(snapshotTag(index))) index += 1;
  if (index <= LAST_INDEX) return index;
  throw new MultipassError('INVALID_ARGUMENT', `snapshots are numbered up to ${LAST_INDEX} only`, {
    hint: 'Delete the newest snapshots, whose numbers are free again then.',
  });
}

/** The first of `snapshot1`, `snapshot2`, … that no snapshot has: gaps are used again. */
export function firstFreeSnapshotName(records: readonly Pick<SnapshotRecord, 'name'>[]): string {
  const taken = new Set(records.map(({ name }) => name));
  for (let number = 1; ; number += 1) {
    const name = `snapshot${number}`;
    if (!taken.has(name)) return name;
  }
}
