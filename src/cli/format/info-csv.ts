import { formatMemorySize } from '../../command-line.js';
import { MultipassError, type Mount, type SnapshotView } from '../../index.js';
import { type CsvField, formatCsv } from './csv.js';
import type { InfoGroup, InstanceDetails } from './info-items.js';

const INSTANCE_HEADER = [
  ...['Name', 'State', 'Ipv4', 'Ipv6', 'Release', 'Image hash', 'Image release', 'Load'],
  ...['Disk usage', 'Disk total', 'Memory usage', 'Memory total', 'Mounts', 'AllIPv4', 'CPU(s)'],
  'Snapshots',
];
const SNAPSHOT_HEADER = [
  ...['Snapshot', 'Instance', 'CPU(s)', 'Disk space', 'Memory size', 'Mounts', 'Created'],
  ...['Parent', 'Children', 'Comment'],
];

/**
 * Instances or snapshots, as their columns differ; nothing at all, header included, for no items.
 * @throws MultipassError USAGE when there are both
 */
export function formatInfoCsv(groups: readonly InfoGroup[]): string {
  const instances = groups.flatMap(({ instance }) => instance ?? []);
  const snapshots = groups.flatMap((group) => group.snapshots);
  if (instances.length > 0 && snapshots.length > 0) {
    throw new MultipassError(
      'USAGE',
      'Mixed snapshot and instance arguments are not supported with CSV format',
    );
  }
  if (instances.length > 0) return formatCsv(INSTANCE_HEADER, instances.map(instanceRow));
  if (snapshots.length > 0) return formatCsv(SNAPSHOT_HEADER, snapshots.map(snapshotRow));
  return '';
}

function instanceRow({ name, state, image, runtime, mounts, snapshotCount }: InstanceDetails) {
  return [
    ...[name, state, runtime.ipv4[0] ?? '', '', runtime.release, image.id, image.release],
    runtime.load.join(' '),
    ...[runtime.diskUsed, runtime.diskTotal, runtime.memoryUsed, runtime.memoryTotal].map(number),
    ...[mountsText(mounts), runtime.ipv4.join(';'), number(runtime.cpuCount)],
    String(snapshotCount),
  ];
}

function snapshotRow({ instance, record, parent, children }: SnapshotView): CsvField[] {
  return [
    ...[record.name, instance, String(record.cpus)],
    ...[formatMemorySize(record.disk), formatMemorySize(record.memory)],
    ...[mountsText(record.mounts), record.created, parent ?? '', children.join(';')],
    { quoted: record.comment },
  ];
}

function number(value: number | null): string {
  return String(value ?? '');
}

function mountsText(mounts: readonly Mount[]): string {
  return mounts.map(({ source, target }) => `${source} => ${target}`).join(';');
}
