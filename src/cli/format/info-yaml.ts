import { formatMemorySize } from '../../command-line.js';
import type { Mount, SnapshotView } from '../../index.js';
import { viewJson } from './forwards.js';
import { mountsByTarget, type InfoGroup, type InstanceDetails } from './info-items.js';
import type { PlainData } from './plain-data.js';
import { reachEntries } from './reach.js';
import { formatYaml } from './yaml-emitter.js';

/** Each instance is a list of one item, and unknown values are null. */
export function formatInfoYaml(groups: readonly InfoGroup[], errors: readonly string[]): string {
  const instances = groups.map(({ name, instance, snapshots }): [string, PlainData] => [
    name,
    [
      {
        ...(instance === null ? {} : instanceYaml(instance)),
        ...(snapshots.length === 0 ? {} : { snapshots: snapshots.map(snapshotYaml) }),
      },
    ],
  ]);
  return formatYaml({
    errors: errors.length === 0 ? [null] : errors,
    ...Object.fromEntries(instances),
  });
}

function instanceYaml({ runtime, reach, ...instance }: InstanceDetails) {
  const load = runtime.load.map(Number).filter(Number.isFinite);
  return {
    state: instance.state,
    ...(instance.problem === null ? {} : { problem: { ...instance.problem } }),
    ...(instance.pending === null ? {} : { pending: instance.pending }),
    snapshot_count: instance.snapshotCount,
    image_hash: instance.image.id || null,
    image_release: instance.image.release || null,
    release: runtime.release || null,
    cpu_count: runtime.cpuCount,
    ...(load.length === 0 ? {} : { load }),
    disks: [{ sda1: { used: runtime.diskUsed, total: runtime.diskTotal } }],
    memory: { usage: runtime.memoryUsed, total: runtime.memoryTotal },
    ipv4: runtime.ipv4,
    ...reachEntries(reach),
    mounts: mountsYaml(instance.mounts),
    ...(instance.forwards.length === 0 ? {} : { forwards: instance.forwards.map(viewJson) }),
  };
}

function snapshotYaml({ record, parent, hasMemory, children }: SnapshotView) {
  return {
    [record.name]: {
      size: null,
      cpu_count: record.cpus,
      disk_space: formatMemorySize(record.disk),
      memory_size: formatMemorySize(record.memory),
      mounts: mountsYaml(record.mounts),
      created: record.created,
      parent,
      children,
      comment: record.comment || null,
      ...(record.consistency === undefined ? {} : { consistency: record.consistency }),
      ...(hasMemory ? { memory_saved: true } : {}),
    },
  };
}

function mountsYaml(mounts: readonly Mount[]): PlainData {
  return mounts.length === 0 ? null : mountsByTarget(mounts);
}
