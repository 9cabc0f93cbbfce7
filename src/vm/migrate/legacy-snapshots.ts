import { hasSnapshotNamed, type Qcow2Facts } from '../../qemu/qcow2-header.js';
import type { LegacyInstance } from '../../store/legacy/instances.js';
import type { LegacySnapshot } from '../../store/legacy/snapshot-files.js';
import type { NetworkInterface } from '../records/interface.js';
import { snapshotTag, type SnapshotRecord } from '../records/snapshot-record.js';
import type { InstanceSpec } from '../records/spec.js';
import type { MacClaims } from './claim-macs.js';
import { validMac } from './legacy-spec.js';

/** The snapshots of a migrated instance: only those whose state the disk really has. */
export interface MigratedSnapshots {
  readonly records: readonly SnapshotRecord[];
  readonly head: number;
}

/** Whose snapshots, and what they become part of. */
export interface SnapshotsRequest {
  readonly legacy: LegacyInstance;
  /** Null for a disk that had to be converted, and so has none. */
  readonly disk: Qcow2Facts | null;
  /** What a snapshot that does not say it was like. */
  readonly machine: Pick<InstanceSpec, 'cpus' | 'memory' | 'disk' | 'interfaces'>;
  readonly claims: MacClaims;
  readonly warnings: string[];
}

/** Turns legacy snapshots into records; one without its tag in the disk is left out, and its children move up. */
export async function migrateSnapshots(request: SnapshotsRequest): Promise<MigratedSnapshots> {
  const { legacy, disk, machine, claims, warnings } = request;
  const { snapshots, head } = legacy.snapshots;
  const parents = new Map(snapshots.map(({ index, parent }) => [index, parent]));
  const kept = snapshots.filter(
    ({ index }) => disk !== null && hasSnapshotNamed(disk, snapshotTag(index)),
  );
  for (const lost of snapshots.filter((snapshot) => !kept.includes(snapshot))) {
    warnings.push(`its snapshot "${lost.name}" is not in the disk any more: it was left out`);
  }
  const indexes = new Set(kept.map(({ index }) => index));
  const nearest = (index: number): number => {
    let at = index;
    while (at !== 0 && !indexes.has(at)) at = parents.get(at) ?? 0;
    return at;
  };
  const records: SnapshotRecord[] = [];
  for (const snapshot of kept) {
    records.push({
      index: snapshot.index,
      name: snapshot.name,
      comment: snapshot.comment,
      parent: nearest(snapshot.parent),
      created: snapshot.created,
      cpus: snapshot.cpus ?? machine.cpus,
      memory: snapshot.memory ?? machine.memory,
      disk: snapshot.disk ?? machine.disk,
      interfaces: await interfacesOf(snapshot, machine, claims),
      mounts: snapshot.mounts,
      instanceId: snapshot.instanceId,
    });
  }
  return { records, head: nearest(head ?? kept.at(-1)?.index ?? 0) };
}

async function interfacesOf(
  snapshot: LegacySnapshot,
  machine: Pick<InstanceSpec, 'interfaces'>,
  claims: MacClaims,
): Promise<readonly NetworkInterface[]> {
  if (snapshot.extraInterfaces === null) return machine.interfaces;
  const extras: NetworkInterface[] = [];
  for (const { id, mac, auto } of snapshot.extraInterfaces) {
    extras.push(await claims.claimAgain({ mac: validMac(mac), network: id, auto }));
  }
  return [machine.interfaces[0], ...extras];
}
