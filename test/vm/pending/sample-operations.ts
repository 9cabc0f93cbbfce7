import { handMadeMac, specOf } from '../../support/store-fixture.js';
import type { InstanceSpec } from '../../../src/vm/records/spec.js';
import type { SnapshotRecord } from '../../../src/vm/records/snapshot-record.js';
import type { DiskStep, PendingOperation } from '../../../src/vm/records/pending-record.js';
import { snapshotRecord } from '../../support/snapshot-record.js';

const MIB = 1024 ** 2;

/** An operation in place on an instance that has the snapshots 1, 2 and 3, each the child of the one before. */
export interface Sample {
  readonly pending: PendingOperation;
  /** The arguments of qemu-img that do the same, in the folder of the instance. */
  readonly step: readonly [string, ...string[]];
  /** The tags that the disk has in the end. */
  readonly tags: readonly string[];
  /** The snapshots that the instance has in the end, with their parents. */
  readonly parents: Readonly<Record<number, number>>;
}

export const SOURCE_SPEC: InstanceSpec = specOf({ snapshotHead: 3 });

const ALL = { tags: ['@s1', '@s2', '@s3'], parents: { 1: 0, 2: 1, 3: 2 } };

function pendingOf(
  step: DiskStep,
  spec: Partial<InstanceSpec> | null = null,
  snapshots: Readonly<Record<string, SnapshotRecord | null>> = {},
): PendingOperation {
  return {
    step,
    spec: spec === null ? null : { ...SOURCE_SPEC, ...spec },
    snapshots: new Map(Object.entries(snapshots)),
  };
}

export const SAMPLES: Readonly<Record<string, Sample>> = {
  snapshot: {
    pending: pendingOf(
      { operation: 'snapshot', tag: '@s4' },
      { snapshotHead: 4 },
      {
        '0004.json': snapshotRecord(4),
      },
    ),
    step: ['snapshot', '-c', '@s4', 'disk.qcow2'],
    tags: [...ALL.tags, '@s4'],
    parents: { ...ALL.parents, 4: 3 },
  },
  restore: {
    pending: pendingOf(
      { operation: 'restore', tag: '@s1' },
      { snapshotHead: 1, cpus: 5, interfaces: [{ mac: handMadeMac(), network: null, auto: true }] },
    ),
    step: ['snapshot', '-a', '@s1', 'disk.qcow2'],
    ...ALL,
  },
  'delete-snapshot': {
    pending: pendingOf({ operation: 'delete-snapshot', tag: '@s2' }, null, {
      '0002.json': null,
      '0003.json': snapshotRecord(3, { parent: 1 }),
    }),
    step: ['snapshot', '-d', '@s2', 'disk.qcow2'],
    tags: ['@s1', '@s3'],
    parents: { 1: 0, 3: 1 },
  },
  resize: {
    pending: pendingOf({ operation: 'resize', size: 128 * MIB }, { disk: 128 * MIB }),
    step: ['resize', '-q', '-f', 'qcow2', 'disk.qcow2', '128M'],
    ...ALL,
  },
  'rebase to nothing': {
    pending: pendingOf({ operation: 'rebase', backing: null }),
    step: ['rebase', '-f', 'qcow2', '-b', '', 'disk.qcow2'],
    ...ALL,
  },
  'rebase to another base': {
    pending: pendingOf({ operation: 'rebase', backing: 'base-other.qcow2' }),
    step: ['rebase', '-f', 'qcow2', '-F', 'qcow2', '-b', 'base-other.qcow2', 'disk.qcow2'],
    ...ALL,
  },
};
