import { MultipassError } from '../../errors.js';
import { guess } from '../../nearest.js';
import type { SnapshotRecord } from '../records/snapshot-record.js';
import type { SnapshotView } from '../views.js';

/** Snapshots with their places in the tree. */
export function snapshotViews(
  instance: string,
  records: readonly SnapshotRecord[],
): SnapshotView[] {
  const nameOf = new Map(records.map((record) => [record.index, record.name]));
  return records.map((record) => ({
    instance,
    record,
    parent: nameOf.get(record.parent) ?? null,
    hasMemory: record.machine !== undefined,
    children: records
      .filter((other) => other.parent === record.index)
      .map((other) => other.name)
      .sort(),
  }));
}

/** @throws MultipassError SNAPSHOT_NOT_FOUND with Multipass's text */
export function requireSnapshot(
  views: readonly SnapshotView[],
  name: string,
  instance: string,
): SnapshotView {
  const found = views.find((view) => view.record.name === name);
  if (found !== undefined) return found;
  const names = views.map((view) => view.record.name);
  throw new MultipassError('SNAPSHOT_NOT_FOUND', `No such snapshot: ${instance}.${name}`, {
    hint: guess(name, names, 'See `multipass list --snapshots` for the snapshots there are.'),
    details: { instance, snapshot: name },
  });
}
