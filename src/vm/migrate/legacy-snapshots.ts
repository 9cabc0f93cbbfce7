import { hasSnapshotNamed } from '../../qemu/qcow2-header.js';
import type { LegacyInstance } from '../../store/legacy/instances.js';
import type { LegacySnapshot } from '../../store/legacy/snapshot-files.js';
import { isValidName } from '../names.js';
import type { NetworkInterface } from '../records/interface.js';
import { snapshotTag, type SnapshotRecord } from '../records/snapshot-record.js';
import type { InstanceSpec } from '../records/spec.js';
import type { LegacyCards } from './legacy-cards.js';
import type { LegacyDisk } from './legacy-disk.js';
import { cardOf } from './legacy-spec.js';

/** The snapshots of a legacy instance whose state its disk really has. */
export interface SnapshotsOnDisk {
  /** By index; each parent is one of them, or 0. */
  readonly snapshots: readonly LegacySnapshot[];
  readonly head: number;
}

/** The tag of one of Multipass's snapshots. */
const TAG = /^@s([1-9]\d{0,3})$/;

/**
 * Finds the snapshots that can come along. One whose state the disk has not is left out, and its children move up;
 * one that has lost its record gets what its index tells.
 */
export function snapshotsOnDisk(
  legacy: LegacyInstance,
  disk: LegacyDisk,
  warnings: string[],
): SnapshotsOnDisk {
  const recorded = legacy.snapshots.snapshots;
  const isOnDisk = ({ index }: LegacySnapshot): boolean =>
    disk.facts !== null && hasSnapshotNamed(disk.facts, snapshotTag(index));
  for (const { name } of recorded.filter((snapshot) => !isOnDisk(snapshot))) {
    warnings.push(`its snapshot "${name}" is not in the disk any more: it was left out`);
  }
  const snapshots = [...recorded.filter(isOnDisk), ...withoutRecord(legacy, disk, warnings)];
  snapshots.sort((one, other) => one.index - other.index);

  const indexes = new Set(snapshots.map(({ index }) => index));
  const parents = new Map(recorded.map(({ index, parent }) => [index, parent]));
  const nearest = (index: number): number => {
    let at = index;
    while (at !== 0 && !indexes.has(at)) at = parents.get(at) ?? 0;
    return at;
  };
  return {
    snapshots: withNames(snapshots, warnings).map((snapshot) => ({
      ...snapshot,
      parent: nearest(snapshot.parent),
    })),
    head: nearest(legacy.snapshots.head ?? snapshots.at(-1)?.index ?? 0),
  };
}

/**
 * The records of these snapshots.
 * @param machine what a snapshot was like that does not say so
 */
export async function snapshotRecords(
  snapshots: readonly LegacySnapshot[],
  machine: Pick<InstanceSpec, 'cpus' | 'memory' | 'disk' | 'interfaces'>,
  claims: LegacyCards,
): Promise<SnapshotRecord[]> {
  const records: SnapshotRecord[] = [];
  for (const snapshot of snapshots) {
    const { index, name, comment, parent, created, mounts, instanceId } = snapshot;
    records.push({
      index,
      name,
      comment,
      parent,
      created,
      mounts,
      instanceId,
      cpus: snapshot.cpus ?? machine.cpus,
      memory: snapshot.memory ?? machine.memory,
      disk: snapshot.disk ?? machine.disk,
      interfaces: await interfacesOf(snapshot, machine, claims),
    });
  }
  return records;
}

async function interfacesOf(
  { extraInterfaces }: LegacySnapshot,
  machine: Pick<InstanceSpec, 'interfaces'>,
  claims: LegacyCards,
): Promise<readonly NetworkInterface[]> {
  if (extraInterfaces === null) return machine.interfaces;
  const interfaces: NetworkInterface[] = [machine.interfaces[0]];
  for (const extra of extraInterfaces) {
    interfaces.push(await claims.claim(cardOf(extra), interfaces));
  }
  return interfaces;
}

/** Their tags would stay in the disk all the same, out of reach and in the way of new ones. */
function withoutRecord(
  { snapshots, spec }: LegacyInstance,
  disk: LegacyDisk,
  warnings: string[],
): LegacySnapshot[] {
  const tagged = (disk.facts?.snapshots ?? []).map(({ name }) => Number(TAG.exec(name)?.[1]));
  const known = [Number.NaN, ...snapshots.snapshots.map(({ index }) => index)];
  return [...new Set(tagged)]
    .filter((tag) => !known.includes(tag))
    .map((index) => {
      const name = `snapshot${index}`;
      warnings.push(`the record of its snapshot number ${index} is lost: it is "${name}" now`);
      return {
        index,
        name,
        comment: '',
        parent: 0,
        created: timeOf(disk),
        cpus: null,
        memory: null,
        disk: null,
        extraInterfaces: null,
        instanceId: null,
        mounts: spec?.mounts ?? [],
        metadataArguments: [],
      };
    });
}

/** It was taken at that time or before. */
function timeOf({ print }: LegacyDisk): string {
  return new Date(Number(BigInt(print.mtimeNs) / 1_000_000n)).toISOString();
}

/** By their names they are found, so these must be names, and each another one. */
function withNames(snapshots: readonly LegacySnapshot[], warnings: string[]): LegacySnapshot[] {
  const names = new Set<string>();
  return snapshots.map((snapshot) => {
    let { name } = snapshot;
    if (!isValidName(name)) name = `snapshot${snapshot.index}`;
    while (names.has(name)) name = `${name}-${snapshot.index}`;
    names.add(name);
    if (name !== snapshot.name) {
      const old = JSON.stringify(snapshot.name);
      warnings.push(
        `its snapshot ${old} is called "${name}" now: names are letters, digits and hyphens, and unique`,
      );
    }
    return { ...snapshot, name };
  });
}
