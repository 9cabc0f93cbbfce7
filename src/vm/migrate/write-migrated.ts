import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LegacyInstance } from '../../store/legacy/instances.js';
import type { StagedInstance } from '../../store/staging.js';
import { writeNewRecord } from '../../files/record.js';
import type { ImageRecord } from '../records/image-record.js';
import type { NetworkInterface } from '../records/interface.js';
import { snapshotFileName } from '../records/snapshot-record.js';
import type { InstanceSpec } from '../records/spec.js';
import { MacClaims } from '../macs.js';
import { bringSeed } from './bring-seed.js';
import { LegacyCards } from './legacy-cards.js';
import type { LegacyDisk } from './legacy-disk.js';
import { snapshotRecords, type SnapshotsOnDisk } from './legacy-snapshots.js';
import type { LegacyMachine } from './legacy-spec.js';

/** All that was found of a legacy instance. */
export interface FoundInstance {
  readonly legacy: LegacyInstance;
  readonly disk: LegacyDisk;
  /** Its cloud-init ISO, links resolved; null when there is none. */
  readonly seed: string | null;
  readonly machine: LegacyMachine;
  readonly snapshots: SnapshotsOnDisk;
}

/** Where it goes. */
export interface WriteRequest {
  readonly staged: StagedInstance;
  /** Name of its key in the store, or null when there is none. */
  readonly sshKey: string | null;
  /** Gets what the user should know. */
  readonly warnings: string[];
}

/** Writes all of a migrated instance but its disk: the records, with MACs that are its own, and the seed. */
export async function writeMigrated(found: FoundInstance, request: WriteRequest): Promise<void> {
  const { legacy, disk, machine, snapshots } = found;
  const { staged, sshKey, warnings } = request;
  const claims = new LegacyCards(MacClaims.ofStaged(staged), warnings);
  const interfaces = await claimInterfaces(machine, claims);
  const { cpus, memory, sshUser, mounts, deleted } = machine;
  const spec: InstanceSpec = {
    uuid: staged.uuid,
    vmgenid: randomUUID(),
    cpus,
    memory,
    disk: disk.virtualSize,
    sshUser,
    sshKey,
    interfaces,
    mounts,
    snapshotHead: snapshots.head,
    deleted,
    forwards: [],
    autostart: false,
  };
  const records = await snapshotRecords(snapshots.snapshots, spec, claims);
  await writeNewRecord(staged.spec, spec);
  await writeNewRecord(staged.imageRecord, imageRecord(found));
  if (records.length > 0) await mkdir(staged.snapshots, { mode: 0o700 });
  for (const record of records) {
    await writeNewRecord(join(staged.snapshots, snapshotFileName(record.index)), record);
  }
  await writeFile(staged.lock, '', { mode: 0o600 });
  const { seed } = found;
  const { cards } = machine;
  warnings.push(...(await bringSeed({ seed, name: legacy.name, cards, spec, staged })));
}

async function claimInterfaces(
  { cards: [first, ...extras] }: LegacyMachine,
  claims: LegacyCards,
): Promise<InstanceSpec['interfaces']> {
  const interfaces: [NetworkInterface, ...NetworkInterface[]] = [await claims.claim(first, [])];
  for (const extra of extras) interfaces.push(await claims.claim(extra, interfaces));
  return interfaces;
}

function imageRecord({ legacy, disk, machine }: FoundInstance): ImageRecord {
  const { name, image } = legacy;
  return {
    id: image?.id ?? '',
    release: image?.release ?? '',
    os: image?.os ?? '',
    version: image?.version ?? '',
    query: image?.query ?? { release: '', remote: '', type: 'alias' },
    lineage: null,
    migratedFrom: {
      name,
      mac: machine.cards[0].mac?.toString() ?? null,
      disk: disk.print,
      created: new Date().toISOString(),
    },
  };
}
