import {
  checkStoreFormat,
  countSnapshots,
  listInstances,
  listSnapshots,
  lookInto,
  problemOf,
  requireSnapshot,
  viewInstance,
  type StoreLayout,
} from '../command-line.js';
import {
  MultipassError,
  type BrokenInstanceView,
  type InstanceView,
  type SnapshotView,
  type StrayTag,
} from '../index.js';
import { forEach } from './failures.js';
import type { InstanceInfo } from './format/info-items.js';
import { parseNamedSnapshot } from './select.js';

/** What `info` shows of an instance that is named without a snapshot: itself, or its snapshots. */
export type InfoKind = 'instances' | 'snapshots';

/** What `info` has found. */
export interface CollectedInfo {
  readonly instances: readonly InstanceInfo[];
  readonly snapshots: readonly SnapshotView[];
  /** Instances whose snapshots are wanted and cannot be read. */
  readonly problems: readonly BrokenInstanceView[];
  /** What the disks of the instances whose snapshots are wanted hold without a record. */
  readonly strays: readonly StrayTag[];
}

/** Everything there is; what is Broken hides nothing else. */
export async function collectAll(layout: StoreLayout, kind: InfoKind): Promise<CollectedInfo> {
  if (kind === 'snapshots') return { instances: [], ...(await listSnapshots(layout)) };
  const views = await listInstances(layout);
  const instances = views.map((view) => infoOf(layout, view));
  return { instances, snapshots: [], problems: [], strays: [] };
}

/**
 * What is named: `<instance>` or `<instance>.<snapshot>`.
 * @throws MultipassError SEVERAL when any of it cannot be read
 */
export async function collectNamed(
  layout: StoreLayout,
  kind: InfoKind,
  names: readonly string[],
): Promise<CollectedInfo> {
  const instances: InstanceInfo[] = [];
  const snapshots: SnapshotView[] = [];
  const strays: StrayTag[] = [];
  const exists = checkStoreFormat(layout);
  await forEach(new Set(names), (argument) => {
    const { instance: name, snapshot } = parseNamedSnapshot(argument);
    const view = viewInstance(layout, name, exists);
    if (snapshot !== undefined) {
      snapshots.push(requireSnapshot(snapshotsFor(layout, view).snapshots, snapshot, name));
    } else if (kind === 'snapshots') {
      const found = snapshotsFor(layout, view);
      snapshots.push(...found.snapshots);
      strays.push(...found.strays);
    } else {
      instances.push(infoOf(layout, view));
    }
  });
  return { instances, snapshots, problems: [], strays };
}

/** An instance and the number of its snapshots; what spoils the one spoils the other. */
function infoOf(layout: StoreLayout, view: InstanceView): InstanceInfo {
  if (view.state === 'Broken') return { view, snapshotCount: 0 };
  const dir = layout.instance(view.name);
  try {
    return { view, snapshotCount: countSnapshots(dir) };
  } catch (error) {
    const problem = problemOf(error, layout, dir);
    return { view: { name: view.name, state: 'Broken', problem }, snapshotCount: 0 };
  }
}

function snapshotsFor(layout: StoreLayout, view: InstanceView): ReturnType<typeof lookInto> {
  if (view.state !== 'Broken') return lookInto(layout, view.name);
  const { name, problem } = view;
  throw new MultipassError('INSTANCE_BROKEN', `instance "${name}" is broken: ${problem.message}`, {
    hint: problem.hint,
    details: { name },
  });
}
