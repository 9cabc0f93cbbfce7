import { formatMemorySize } from '../../command-line.js';
import type { SnapshotView } from '../../index.js';
import { viewJson } from './forwards.js';
import { mountsByTarget, type InfoGroup, type InstanceDetails } from './info-items.js';
import { formatSortedJson } from './json.js';
import type { PlainData } from './plain-data.js';
import { reachEntries } from './reach.js';

/** Multipass's types, odd as they are: counts and disk sizes are strings, memory sizes are numbers. */
export function formatInfoJson(groups: readonly InfoGroup[], errors: readonly string[]): string {
  const info = groups.map(({ name, instance, snapshots }): [string, PlainData] => [
    name,
    {
      ...(instance === null ? {} : instanceJson(instance)),
      ...(snapshots.length === 0 ? {} : { snapshots: snapshotsJson(snapshots) }),
    },
  ]);
  return formatSortedJson({ errors, info: Object.fromEntries(info) });
}

function instanceJson({ runtime, reach, ...instance }: InstanceDetails) {
  const { diskUsed, diskTotal, memoryUsed, memoryTotal } = runtime;
  return {
    state: instance.state,
    ...(instance.problem === null ? {} : { problem: { ...instance.problem } }),
    ...(instance.pending === null ? {} : { pending: instance.pending }),
    image_hash: instance.image.id,
    image_release: instance.image.release,
    release: runtime.release,
    cpu_count: String(runtime.cpuCount ?? ''),
    snapshot_count: String(instance.snapshotCount),
    load: runtime.load.map(Number).filter(Number.isFinite),
    disks: {
      sda1: {
        ...(diskUsed === null ? {} : { used: String(diskUsed) }),
        ...(diskTotal === null ? {} : { total: String(diskTotal) }),
      },
    },
    memory: {
      ...(memoryUsed === null ? {} : { used: memoryUsed }),
      ...(memoryTotal === null ? {} : { total: memoryTotal }),
    },
    ipv4: runtime.ipv4,
    ...reachEntries(reach),
    mounts: mountsByTarget(instance.mounts),
    forwards: instance.forwards.map(viewJson),
  };
}

/** `size` is always empty in Multipass as well. */
function snapshotsJson(snapshots: readonly SnapshotView[]) {
  const entries = snapshots.map(({ record, parent, hasMemory, children }): [string, PlainData] => [
    record.name,
    {
      size: '',
      cpu_count: String(record.cpus),
      disk_space: formatMemorySize(record.disk),
      memory_size: formatMemorySize(record.memory),
      mounts: mountsByTarget(record.mounts),
      created: record.created,
      parent: parent ?? '',
      children,
      comment: record.comment,
      ...(record.consistency === undefined ? {} : { consistency: record.consistency }),
      ...(hasMemory ? { memory_saved: true } : {}),
    },
  ]);
  return Object.fromEntries(entries);
}
