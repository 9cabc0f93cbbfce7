import { MultipassError } from '../errors.js';
import type { StoreLayout } from '../store/layout.js';
import { instanceNotFound } from '../vm/instance-errors.js';
import type { BrokenInstanceView, InstanceView, SnapshotView } from '../vm/instance-view.js';
import { listInstances, viewInstance } from '../vm/list-instances.js';
import { listSnapshots, snapshotsOf } from '../vm/list-snapshots.js';
import { isValidName } from '../vm/names.js';
import { problemOf } from '../vm/read-instance.js';
import { countSnapshots, requireSnapshot } from '../vm/snapshots.js';
import { Failures } from './failures.js';
import type { InstanceInfo } from './format/info-items.js';

/** What `info` tells of an instance that is named without a snapshot: of itself, or of its snapshots. */
export type InfoKind = 'instances' | 'snapshots';

/** What `info` has found. */
export interface CollectedInfo {
  readonly instances: readonly InstanceInfo[];
  readonly snapshots: readonly SnapshotView[];
  /** Instances whose snapshots were asked for and cannot be told. */
  readonly problems: readonly BrokenInstanceView[];
}

/** Everything there is; what is Broken hides nothing else. */
export async function collectAll(layout: StoreLayout, kind: InfoKind): Promise<CollectedInfo> {
  if (kind === 'snapshots') return { instances: [], ...(await listSnapshots(layout)) };
  const views = await listInstances(layout);
  return { instances: views.map((view) => infoOf(layout, view)), snapshots: [], problems: [] };
}

/**
 * What is named: `<instance>` or `<instance>.<snapshot>`.
 * @throws MultipassError SEVERAL when any of it cannot be told
 */
export async function collectNamed(
  layout: StoreLayout,
  kind: InfoKind,
  names: readonly string[],
): Promise<CollectedInfo> {
  const instances: InstanceInfo[] = [];
  const snapshots: SnapshotView[] = [];
  const failures = new Failures();
  for (const argument of new Set(names)) {
    await failures.collect(() => {
      const { name, snapshot } = parseArgument(argument);
      const view = viewInstance(layout, name);
      if (snapshot !== undefined) {
        snapshots.push(requireSnapshot(snapshotsFor(layout, view), snapshot, name));
      } else if (kind === 'snapshots') {
        snapshots.push(...snapshotsFor(layout, view));
      } else {
        instances.push(infoOf(layout, view));
      }
    });
  }
  failures.throwIfAny();
  return { instances, snapshots, problems: [] };
}

function parseArgument(argument: string): { name: string; snapshot: string | undefined } {
  const [name = '', ...rest] = argument.split('.');
  if (!isValidName(name)) throw instanceNotFound(argument);
  return { name, snapshot: rest.length === 0 ? undefined : rest.join('.') };
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

function snapshotsFor(layout: StoreLayout, view: InstanceView): SnapshotView[] {
  if (view.state !== 'Broken') return snapshotsOf(layout, view.name);
  const { name, problem } = view;
  throw new MultipassError('INSTANCE_BROKEN', `instance "${name}" is broken: ${problem.message}`, {
    hint: problem.hint,
    details: { name },
  });
}
