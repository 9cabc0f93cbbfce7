import { hasCode } from '../../errors.js';
import type { StoreLayout } from '../../store/layout.js';
import type { BrokenInstanceView, SnapshotView } from '../views.js';
import { listInstances } from '../list-instances.js';
import { problemOf, readInstance } from '../read-instance.js';
import { readSnapshots } from '../read-snapshots.js';
import { snapshotViews } from './snapshot-list.js';
import { strayTags, type StrayTag } from './stray-tags.js';

/** Snapshots, and the instances whose snapshots cannot be told. */
export interface SnapshotListing {
  /** Those that can be told. */
  readonly snapshots: readonly SnapshotView[];
  /** The instances whose snapshots cannot be told, and why. */
  readonly problems: readonly BrokenInstanceView[];
  /** What the disks hold without a record. */
  readonly strays: readonly StrayTag[];
}

/** The snapshots of every instance that is not deleted. One bad file hides its own instance's alone. */
export async function listSnapshots(layout: StoreLayout): Promise<SnapshotListing> {
  const snapshots: SnapshotView[] = [];
  const problems: BrokenInstanceView[] = [];
  const strays: StrayTag[] = [];
  for (const view of await listInstances(layout)) {
    if (view.state === 'Broken') problems.push(view);
    if (view.state === 'Broken' || view.state === 'Deleted') continue;
    try {
      const found = lookInto(layout, view.name);
      snapshots.push(...found.snapshots);
      strays.push(...found.strays);
    } catch (error) {
      // Purged since it was listed.
      if (hasCode(error, 'INSTANCE_NOT_FOUND')) continue;
      const problem = problemOf(error, layout, layout.instance(view.name));
      problems.push({ name: view.name, state: 'Broken', problem });
    }
  }
  return { snapshots, problems, strays };
}

/** The snapshots of one instance. @throws what makes it Broken; RecordError for a bad snapshot file */
export function snapshotsOf(layout: StoreLayout, name: string): SnapshotView[] {
  return [...lookInto(layout, name).snapshots];
}

/** The same, and what its disk holds without a record. */
export function lookInto(
  layout: StoreLayout,
  name: string,
): Pick<SnapshotListing, 'snapshots' | 'strays'> {
  const reading = readInstance(layout, name);
  const records = readSnapshots(reading.dir, reading.pending);
  return { snapshots: snapshotViews(name, records), strays: strayTags(reading, records) };
}
