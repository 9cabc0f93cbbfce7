import { formatMemorySize } from '../../command-line.js';
import type { CloneReport, ClonedInstance, Replaced } from '../../index.js';
import { STATE_OF_DISK } from './state-of-disk.js';

/** The output of `multipass clone`: a line for each copy, or the plan. */
export function formatCloneResult(report: CloneReport): string {
  return report.dryRun ? formatPlan(report) : report.clones.map(clonedLine(report)).join('');
}

function clonedLine({
  source,
  snapshot,
  consistency,
  memoryBytes,
}: CloneReport): (clone: ClonedInstance) => string {
  const from = snapshot === null ? source : `${source}.${snapshot}`;
  const running = consistency === 'stopped' ? '' : 'running ';
  if (memoryBytes !== null) {
    return ({ name }) => `Cloned from ${running}${from} to ${name}, with its memory.\n`;
  }
  return ({ name }) =>
    consistency === 'stopped'
      ? `Cloned from ${from} to ${name}.\n`
      : `Cloned from running ${from} to ${name}, ${STATE_OF_DISK[consistency]}.\n`;
}

const ACTION: Readonly<Record<CloneReport['strategy'], string>> = {
  reflink: 'share the extents of the disk',
  copy: 'copy the disk',
  convert: 'convert one state of the disk, without its snapshots',
  live: 'have the QEMU that runs on the disk copy it',
  linked: 'put an empty disk on a base that is shared',
};

function formatPlan(report: CloneReport): string {
  const { source, snapshot, strategy, consistency, bytesToCopy, bytesShared, fits, clones } =
    report;
  const { memoryBytes } = report;
  const lines = [
    ['Source', snapshot === null ? source : `${source}.${snapshot}`],
    ['Copies', clones.map(({ name }) => name).join(', ')],
    ['Strategy', `${strategy}: ${ACTION[strategy]}`],
    ...(consistency === 'stopped'
      ? []
      : [['State', `${consistency}: ${STATE_OF_DISK[consistency]}`]]),
    ['To copy', formatMemorySize(bytesToCopy)],
    ['To share', formatMemorySize(bytesShared)],
    ...(memoryBytes === null ? [] : [['Memory', `at most ${formatMemorySize(memoryBytes)}`]]),
    ['Fits', fits ? 'yes' : 'no'],
    ['New', newThings(clones)],
  ];
  return lines.map(([label, text]) => `${`${label ?? ''}:`.padEnd(12)}${text ?? ''}\n`).join('');
}

function newThings([first]: CloneReport['clones']): string {
  const macs = first?.identity.macs.length ?? 0;
  return [
    ...[
      'uuid',
      'vmgenid',
      'instance-id',
      'hostname',
      `${macs} MAC address${macs === 1 ? '' : 'es'}`,
    ],
    ...(first?.atFirstBoot ?? []).map((what) => `${what.replaceAll('_', ' ')} at the first boot`),
  ].join(', ');
}

/** The output of `multipass clone --format json`. */
export function cloneJson(report: CloneReport) {
  return {
    dry_run: report.dryRun,
    source: report.source,
    snapshot: report.snapshot,
    strategy: report.strategy,
    consistency: report.consistency,
    bytes_to_copy: report.bytesToCopy,
    bytes_shared: report.bytesShared,
    memory_bytes: report.memoryBytes,
    fits: report.fits,
    clones: report.clones.map(copyJson),
    warnings: report.warnings,
    timings_ms: { ...report.timingsMs },
  };
}

function copyJson({ name, identity, atFirstBoot, unchanged }: ClonedInstance) {
  return {
    name,
    identity: {
      macs: identity.macs.map((mac) => ({ interface: mac.interface, ...pair(mac) })),
      uuid: pair(identity.uuid),
      vmgenid: pair(identity.vmgenid),
      instance_id: pair(identity.instanceId),
      hostname: pair(identity.hostname),
    },
    at_first_boot: atFirstBoot,
    unchanged,
  };
}

function pair(replaced: Replaced) {
  return { old: replaced.old, new: replaced.new };
}
