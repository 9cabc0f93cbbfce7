import { randomUUID } from 'node:crypto';
import { MultipassError } from '../../errors.js';
import { hasSnapshotNamed } from '../../qemu/qcow2-header.js';
import type { LegacyInstance } from '../../store/legacy/instances.js';
import type { StoreLayout } from '../../store/layout.js';
import { isVisible } from '../../store/make-visible.js';
import { publish } from '../../store/publish.js';
import { StagedInstance } from '../../store/staging.js';
import { SourceWatch } from '../disks/source-watch.js';
import { rowsOfFolder } from '../macs.js';
import { SUSPEND_TAG } from '../read-instance.js';
import type { Work } from '../../work.js';
import type { BigDisks } from './big-disks.js';
import { bringDisk, foreseeDisk, type BroughtDisk } from './bring-disk.js';
import { findLegacyDisk, isUnchanged } from './legacy-disk.js';
import { legacyMachine } from './legacy-spec.js';
import { snapshotsOnDisk } from './legacy-snapshots.js';
import type { DiskClaims } from './ownership.js';
import { leftInPlace, removeOrigin } from './remove-origin.js';
import type { MigratedInstance } from './report.js';
import { writeMigrated, type FoundInstance } from './write-migrated.js';

/** Which legacy instance is to be brought over, and how. */
export interface MigrateInstanceRequest {
  readonly layout: StoreLayout;
  readonly legacy: LegacyInstance;
  readonly mode: 'copy' | 'move';
  /** Of all the legacy data. */
  readonly claims: DiskClaims;
  /** True: say what would be done, and write nothing. */
  readonly dryRun: boolean;
  /** Of all that are brought over together. */
  readonly bigDisks: BigDisks;
  /** Brings the legacy key over at the first call; gives its name, or null when there is none. */
  readonly sshKey: () => Promise<string | null>;
  /** Its phase is told how much of the disk is copied. */
  readonly work: Work;
}

/**
 * Brings one legacy instance into the store, whole or not at all, with its snapshots, its seed and its key. It keeps
 * who it is: MACs, instance-id, hostname. The legacy files are only read, and with `move` deleted at the very end,
 * when the new instance is durable.
 * @throws MultipassError NAME_TAKEN, LEGACY_INVALID, DISK_IN_USE, DISK_FULL, INSTANCE_CHANGED, ABORTED, …: nothing of
 *   either side has changed then; NOT_DURABLE: it is in the store, and the legacy files are as they were
 */
export async function migrateInstance(request: MigrateInstanceRequest): Promise<MigratedInstance> {
  const { legacy } = request;
  const warnings = [...legacy.warnings];
  const found = await look(request, warnings);
  const { disk } = found;
  const line = { ...lineOf(found), warnings };
  const { disk: head } = request.layout.instance(legacy.name);
  const shared = request.mode === 'move' ? request.claims.whyShared(legacy, disk, head) : null;
  const mode = shared === null ? request.mode : 'copy';
  if (shared !== null) warnings.push(leftInPlace(disk, shared));
  if (request.dryRun) return { ...line, ...(await foreseeDisk({ disk, mode })) };
  const brought = await bring({ ...request, mode }, found, warnings);
  if (mode === 'move' && legacy.folder !== null) {
    const left = await removeOrigin(legacy.folder, disk, { head, print: disk.print });
    if (left !== null) warnings.push(left);
  }
  return { ...line, ...brought };
}

async function look(
  { legacy, work }: MigrateInstanceRequest,
  warnings: string[],
): Promise<FoundInstance> {
  const { disk, seed } = await findLegacyDisk(legacy, work.signal);
  if (seed === null) {
    warnings.push('its cloud-init-config.iso is missing: a clone will get a new one');
  }
  const machine = legacyMachine(legacy, seed, warnings);
  return { legacy, disk, seed, machine, snapshots: snapshotsOnDisk(legacy, disk, warnings) };
}

/** Returns when the instance is in the store and durable. */
async function bring(
  request: MigrateInstanceRequest,
  found: FoundInstance,
  warnings: string[],
): Promise<BroughtDisk> {
  const { layout, legacy, mode, work } = request;
  const { signal } = work;
  const staged = await StagedInstance.create(layout, randomUUID(), legacy.name);
  try {
    let watch = await watchFiles(found, signal);
    const brought = await request.bigDisks.inTurn(found.disk, () =>
      bringDisk({ disk: found.disk, mode, work }, staged.disk),
    );
    // A link changes the times of what it is a link to.
    if (brought.method === 'move') watch = await watchFiles(found, signal);
    const sshKey = await request.sshKey();
    if (sshKey === null) {
      warnings.push('no ssh key was found for it: nobody can enter it without one');
    }
    await writeMigrated(found, { staged, sshKey, warnings });
    work.throwIfAborted();
    watch.requireUnchanged();
    await publish(layout, [{ staged, name: legacy.name }], { rowsOf: rowsOfFolder });
    return brought;
  } catch (error) {
    if (!isVisible(error)) await staged.discard();
    throw error;
  }
}

/** Watches what is being copied; since the disk was looked at it must not have changed either. */
async function watchFiles(
  { disk, seed }: FoundInstance,
  signal: AbortSignal | undefined,
): Promise<SourceWatch> {
  const watch = await SourceWatch.begin([disk.path, ...(seed === null ? [] : [seed])], signal);
  if (isUnchanged(disk)) return watch;
  throw new MultipassError('INSTANCE_CHANGED', `"${disk.path}" changed while it was being read`, {
    hint: 'See that nothing else writes to it, then try again; nothing was kept.',
    details: { path: disk.path },
  });
}

function lineOf({
  legacy,
  disk,
  machine,
  snapshots,
}: FoundInstance): Pick<MigratedInstance, 'name' | 'action' | 'reason' | 'state' | 'snapshots'> {
  const isSuspended = disk.facts !== null && hasSnapshotNamed(disk.facts, SUSPEND_TAG);
  const state = isSuspended ? 'Suspended' : 'Stopped';
  return {
    name: legacy.name,
    action: machine.recovered ? 'recovered' : 'migrated',
    reason: machine.recovered ? 'its record was lost: read from its files' : null,
    state: machine.deleted ? 'Deleted' : state,
    snapshots: snapshots.snapshots.length,
  };
}
