import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { throwIfAborted } from '../../abort.js';
import { fromSystemError, MultipassError } from '../../errors.js';
import { amendToV3, convertActive } from '../../qemu/qemu-img.js';
import { hasSnapshotNamed } from '../../qemu/qcow2-header.js';
import type { LegacyInstance } from '../../store/legacy/instances.js';
import type { StoreLayout } from '../../store/layout.js';
import { StagedInstance } from '../../store/staging.js';
import { writeNewRecord } from '../../store/write-record.js';
import { readSeed, retargetSeed } from '../cloud-init/seed.js';
import { allocatedBytes, copyWhole, linkOrCopy } from '../disks/copy-file.js';
import { requireSpace } from '../disks/free-space.js';
import { SourceWatch } from '../disks/source-watch.js';
import { SUSPEND_TAG } from '../read-instance.js';
import type { ImageRecord } from '../records/image-record.js';
import { snapshotFileName } from '../records/snapshot-record.js';
import type { InstanceSpec } from '../records/spec.js';
import type { WorkOptions } from '../upkeep.js';
import { MacClaims } from './claim-macs.js';
import { findLegacyDisk, type LegacyDisk } from './legacy-disk.js';
import { legacyMachine, type LegacyMachine } from './legacy-spec.js';
import { migrateSnapshots } from './legacy-snapshots.js';
import { removeOrigin } from './remove-origin.js';
import type { MigratedInstance } from './report.js';

/** Which legacy instance is to be brought over, and how. */
export interface MigrateInstanceRequest extends WorkOptions {
  readonly layout: StoreLayout;
  readonly legacy: LegacyInstance;
  readonly mode: 'copy' | 'move';
  /** True: say what would be done, and write nothing. */
  readonly dryRun: boolean;
  /** Brings the legacy key over at the first call; gives its name, or null when there is none. */
  readonly sshKey: () => Promise<string | null>;
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

/** How a disk came over. */
interface CopiedLegacyDisk {
  readonly method: 'reflink' | 'copy' | 'convert' | 'move';
  readonly bytes: number;
}

/**
 * Brings one legacy instance into the store, whole or not at all, with its snapshots, its seed and its key. It keeps
 * who it is: MACs, instance-id, hostname. The legacy files are only read, and with `move` deleted at the very end,
 * when the new instance is durable.
 * @throws MultipassError NAME_TAKEN, LEGACY_INVALID, DISK_IN_USE, DISK_FULL, INSTANCE_CHANGED, ABORTED, …; nothing of
 *   either side has changed then
 */
export async function migrateInstance(request: MigrateInstanceRequest): Promise<MigratedInstance> {
  const { layout, legacy, signal } = request;
  const warnings = [...legacy.warnings];
  const { disk, seed } = await findLegacyDisk(legacy, signal);
  const machine = legacyMachine(legacy, seed, warnings);
  if (seed === null)
    warnings.push('its cloud-init-config.iso is missing: a clone will get a new one');
  if (request.dryRun) return await foresee(request, disk, machine, warnings);
  const watch = await SourceWatch.begin([disk.path, ...(seed === null ? [] : [seed])], signal);
  const staged = await StagedInstance.create(layout, randomUUID(), legacy.name);
  try {
    const copied = await bringDisk(request, disk, staged);
    const state = await writeRecords({ ...request, staged, disk, machine, seed, warnings });
    throwIfAborted(signal);
    watch.requireUnchanged();
    await staged.publish(legacy.name);
    if (request.mode === 'move') {
      const left = await removeOrigin(legacy, disk);
      if (left !== null) warnings.push(left);
    }
    const snapshots = state.snapshots;
    return { ...outcome(legacy, machine, warnings), ...copied, state: state.state, snapshots };
  } catch (error) {
    const isVisible = error instanceof MultipassError && error.code === 'NOT_DURABLE';
    if (!isVisible) await staged.discard();
    throw error;
  }
}

async function foresee(
  request: MigrateInstanceRequest,
  disk: LegacyDisk,
  machine: LegacyMachine,
  warnings: readonly string[],
): Promise<MigratedInstance> {
  const move = request.mode === 'move' && !mustBeRewritten(disk);
  return {
    ...outcome(request.legacy, machine, warnings),
    state: stateOf(disk, machine),
    method: disk.convert ? 'convert' : move ? 'move' : null,
    bytes: move ? 0 : await allocatedBytes(disk.path),
    snapshots: disk.convert ? 0 : request.legacy.snapshots.snapshots.length,
  };
}

function outcome(
  legacy: LegacyInstance,
  machine: LegacyMachine,
  warnings: readonly string[],
): Pick<MigratedInstance, 'name' | 'action' | 'reason' | 'warnings'> {
  const action = machine.recovered ? 'recovered' : 'migrated';
  const reason = machine.recovered ? 'its record was lost: read from its files' : null;
  return { name: legacy.name, action, reason, warnings };
}

async function bringDisk(
  request: MigrateInstanceRequest,
  disk: LegacyDisk,
  staged: StagedInstance,
): Promise<CopiedLegacyDisk> {
  const { signal, onProgress } = request;
  const target = staged.disk;
  if (disk.convert) {
    await requireSpace(target, await allocatedBytes(disk.path));
    await convertActive({
      source: disk.path,
      sourceFormat: disk.format,
      target,
      signal,
      onProgress,
    });
    return { method: 'convert', bytes: await allocatedBytes(target) };
  }
  if (request.mode === 'move' && !mustBeRewritten(disk)) {
    const how = await linkOrCopy(disk.path, target, { signal, onProgress });
    if (how === 'link') return { method: 'move', bytes: 0 };
    return { method: how, bytes: how === 'copy' ? await allocatedBytes(target) : 0 };
  }
  const how = await copyWhole(disk.path, target, { signal, onProgress });
  if (mustBeRewritten(disk)) await amendToV3(target, { signal });
  return { method: how, bytes: how === 'copy' ? await allocatedBytes(target) : 0 };
}

/** Disks from before 1.13 are qcow2 version 2: their copy is brought to version 3, which a link to it must not be. */
function mustBeRewritten(disk: LegacyDisk): boolean {
  return disk.facts?.version === 2;
}

interface RecordsRequest extends MigrateInstanceRequest {
  readonly staged: StagedInstance;
  readonly disk: LegacyDisk;
  readonly machine: LegacyMachine;
  readonly seed: string | null;
  readonly warnings: string[];
}

async function writeRecords(
  request: RecordsRequest,
): Promise<{ state: string; snapshots: number }> {
  const { staged, disk, machine, legacy, warnings } = request;
  const claims = new MacClaims(staged, warnings);
  const [first, ...rest] = machine.cards;
  const interfaces: InstanceSpec['interfaces'] = [
    await claims.claim(first),
    ...(await inTurn(rest, (card) => claims.claim(card))),
  ];
  const { cpus, memory, sshUser, mounts, deleted } = machine;
  const base = { cpus, memory, disk: disk.virtualSize, interfaces };
  const facts = disk.convert ? null : disk.facts;
  const snapshots = await migrateSnapshots({
    legacy,
    disk: facts,
    machine: base,
    claims,
    warnings,
  });
  const sshKey = await request.sshKey();
  if (sshKey === null)
    warnings.push('no ssh key was found for it: nobody can enter it without one');
  const spec: InstanceSpec = {
    uuid: staged.uuid,
    vmgenid: randomUUID(),
    ...base,
    sshUser,
    sshKey,
    mounts,
    snapshotHead: snapshots.head,
    deleted,
  };
  await writeNewRecord(staged.spec, spec);
  await writeNewRecord(staged.imageRecord, imageRecord(request));
  if (snapshots.records.length > 0) await mkdir(staged.snapshots, { mode: 0o700 });
  for (const record of snapshots.records) {
    await writeNewRecord(join(staged.snapshots, snapshotFileName(record.index)), record);
  }
  await writeFile(staged.lock, '', { mode: 0o600 });
  await bringSeed(request, spec);
  return { state: stateOf(disk, machine), snapshots: snapshots.records.length };
}

/** The seed comes over byte for byte, unless a MAC had to be changed: then cloud-init must set the guest up again. */
async function bringSeed(request: RecordsRequest, spec: InstanceSpec): Promise<void> {
  const { seed, staged, machine, legacy, warnings } = request;
  if (seed === null) return;
  const changes = machine.cards.flatMap(({ mac, auto }, index) => {
    const made = spec.interfaces[index]?.mac;
    return mac === null || made === undefined ? [] : [{ old: mac, new: made, index, auto }];
  });
  try {
    if (changes.every((change) => change.old.equals(change.new))) {
      await copyFile(seed, staged.seed);
      return;
    }
  } catch (error) {
    throw fromSystemError(error, 'copy the seed', seed);
  }
  const identity = { instanceId: spec.uuid, hostname: legacy.name, interfaces: changes };
  const retargeted = retargetSeed(readSeed(seed), identity, seed);
  warnings.push(...retargeted.warnings);
  await writeFile(staged.seed, retargeted.image, { mode: 0o600 });
}

function imageRecord({ legacy, disk, machine }: RecordsRequest): ImageRecord {
  const { image } = legacy;
  return {
    id: image?.id ?? '',
    release: image?.release ?? '',
    os: image?.os ?? '',
    version: image?.version ?? '',
    query: image?.query ?? { release: '', remote: '', type: 'alias' },
    lineage: null,
    migratedFrom: {
      name: legacy.name,
      mac: machine.cards[0].mac?.toString() ?? null,
      disk: disk.print,
      created: new Date().toISOString(),
    },
  };
}

function stateOf(disk: LegacyDisk, machine: LegacyMachine): string {
  if (machine.deleted) return 'Deleted';
  const suspended =
    disk.facts !== null && !disk.convert && hasSnapshotNamed(disk.facts, SUSPEND_TAG);
  return suspended ? 'Suspended' : 'Stopped';
}

async function inTurn<In, Out>(
  items: readonly In[],
  work: (item: In) => Promise<Out>,
): Promise<Out[]> {
  const done: Out[] = [];
  for (const item of items) done.push(await work(item));
  return done;
}
