import { NOTHING_KNOWN } from '../../command-line.js';
import type {
  ForwardView,
  IdMapping,
  ImageRecord,
  InstanceState,
  InstanceView,
  Mount,
  Problem,
  RuntimeInfo,
  SnapshotView,
  Reach,
} from '../../index.js';
import type { PlainData } from './plain-data.js';
import { byCreation, byName } from './order.js';

/** An instance that `info` shows. */
export interface InstanceInfo {
  readonly view: InstanceView;
  readonly snapshotCount: number;
  /** Default: none. */
  readonly forwards?: readonly ForwardView[];
}

/** All that `info` shows. */
export interface InfoItems {
  readonly instances: readonly InstanceInfo[];
  readonly snapshots: readonly SnapshotView[];
  /** What could not be read, for JSON and YAML. */
  readonly errors?: readonly string[];
  /** Name of the primary instance, which comes first. */
  readonly primary?: string;
  /** What is shown, where there may be nothing. Default: instances. */
  readonly kind?: 'instances' | 'snapshots';
}

/** What to print of an instance; for a Broken one everything but name, state and problem is empty. */
export interface InstanceDetails {
  readonly name: string;
  readonly state: InstanceState;
  readonly problem: Problem | null;
  /** An operation in place that is not finished: `restore`. */
  readonly pending: string | null;
  readonly snapshotCount: number;
  readonly image: Pick<ImageRecord, 'id' | 'os' | 'release'>;
  readonly mounts: readonly Mount[];
  readonly forwards: readonly ForwardView[];
  readonly runtime: RuntimeInfo;
  /** Undefined unless it runs. */
  readonly reach: Reach | undefined;
}

/** An instance and its snapshots, as far as they are shown. */
export interface InfoGroup {
  readonly name: string;
  readonly instance: InstanceDetails | null;
  /** The oldest first. */
  readonly snapshots: readonly SnapshotView[];
}

/** Brings instances and snapshots together by the instance's name, in the order of printing. */
export function groupByInstance({ instances, snapshots, primary = '' }: InfoItems): InfoGroup[] {
  const details = new Map(instances.map((item) => [item.view.name, detailsOf(item)]));
  const snapshotsOf = new Map<string, SnapshotView[]>();
  for (const item of snapshots) {
    const others = snapshotsOf.get(item.instance);
    if (others === undefined) snapshotsOf.set(item.instance, [item]);
    else others.push(item);
  }
  return [...new Set([...details.keys(), ...snapshotsOf.keys()])]
    .map((name) => ({
      name,
      instance: details.get(name) ?? null,
      snapshots: (snapshotsOf.get(name) ?? []).toSorted(byCreation),
    }))
    .sort(byName(primary));
}

function detailsOf({ view, snapshotCount, forwards = [] }: InstanceInfo): InstanceDetails {
  const { name, state } = view;
  const common = { name, state, snapshotCount, forwards, pending: null, reach: undefined };
  if (state === 'Broken') {
    const image = { id: '', os: '', release: '' };
    return { ...common, problem: view.problem, image, mounts: [], runtime: NOTHING_KNOWN };
  }
  const { image, spec, runtime, reach, problem = null, pending = null } = view;
  return {
    ...common,
    problem,
    pending,
    image,
    mounts: spec.mounts,
    runtime: runtime ?? NOTHING_KNOWN,
    reach,
  };
}

/** `1000:1000`; the guest's default user or group, -1, is printed as `default`. */
export function formatIdMaps(mappings: readonly IdMapping[]): string[] {
  return mappings.map(({ host, guest }) => `${host}:${guest === -1 ? 'default' : guest}`);
}

/** Mounts by their place in the guest, as JSON and YAML show them. */
export function mountsByTarget(mounts: readonly Mount[]): Record<string, PlainData> {
  return Object.fromEntries(
    mounts.map(({ source, target, uidMappings, gidMappings }) => [
      target,
      {
        uid_mappings: formatIdMaps(uidMappings),
        gid_mappings: formatIdMaps(gidMappings),
        source_path: source,
      },
    ]),
  );
}
