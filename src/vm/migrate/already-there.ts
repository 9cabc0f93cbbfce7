import { realpathSync, statSync } from 'node:fs';
import { MultipassError } from '../../errors.js';
import type { LegacyInstance } from '../../store/legacy/instances.js';
import type { StoreLayout } from '../../store/layout.js';
import { nameTaken } from '../../store/staging.js';
import { syncPath } from '../../store/sync.js';
import { readInstance, type InstanceReading } from '../read-instance.js';
import { findLegacyDisk, isUnchanged, type LegacyDisk } from './legacy-disk.js';
import { validMac } from './legacy-spec.js';
import { removeFolder, removeOrigin } from './remove-origin.js';

/** How a name that may be in the store already is dealt with. */
export interface AlreadyThereRequest {
  readonly layout: StoreLayout;
  readonly mode: 'copy' | 'move';
  readonly dryRun: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Says why a legacy instance that is in the store is skipped: it is there already. With `move` the old files that an
 * earlier run left are deleted, if the disk is still the one that was migrated.
 * @returns null when nothing of that name is there
 * @throws MultipassError NAME_TAKEN when what is there is another instance, or Broken
 */
export async function alreadyThere(
  request: AlreadyThereRequest,
  legacy: LegacyInstance,
): Promise<string | null> {
  const { layout, mode, dryRun, signal } = request;
  const there = readIfThere(layout, legacy.name);
  if (there === null) return null;
  if (!isSame(there, legacy)) throw nameTaken(legacy.name);
  if (mode === 'copy' || dryRun || legacy.folder === null) return 'already there';
  // The run that published it may have been killed before the disk confirmed that.
  await syncPath(layout.instances);
  const disk = await diskOf(legacy, signal);
  if (disk !== null && !isMigrated(disk, there)) {
    return 'already there; the old disk is not what was migrated, and was left in place';
  }
  const left =
    disk === null ? await removeFolder(legacy.folder) : await removeOrigin(legacy.folder, disk);
  return `already there; ${left ?? 'the old files were deleted'}`;
}

/** True when the store has this legacy instance, readable. */
export function isThere(layout: StoreLayout, legacy: LegacyInstance): boolean {
  try {
    const there = readIfThere(layout, legacy.name);
    return there !== null && isSame(there, legacy);
  } catch (error) {
    if (error instanceof MultipassError) return false;
    throw error;
  }
}

/** An empty folder of that name is nothing: publishing replaces it. */
function readIfThere(layout: StoreLayout, name: string): InstanceReading | null {
  try {
    return readInstance(layout, name);
  } catch (error) {
    if (!(error instanceof MultipassError)) throw error;
    if (error.code === 'INSTANCE_NOT_FOUND') return null;
    throw nameTaken(name);
  }
}

/** A record that was lost since says nothing against it. */
function isSame(there: InstanceReading, { name, spec }: LegacyInstance): boolean {
  const { migratedFrom } = there.image;
  if (migratedFrom?.name !== name) return false;
  const mac = validMac(spec?.mac ?? null);
  return mac === null || migratedFrom.mac === null || migratedFrom.mac === mac.toString();
}

/** The migrated disk, unchanged; or by a hard link the very head, which a start since has changed. */
function isMigrated(disk: LegacyDisk, there: InstanceReading): boolean {
  // By a symbolic link it is the only one there is.
  if (disk.path === realpathSync(there.dir.disk)) return false;
  const old = statSync(disk.path);
  const head = statSync(there.dir.disk);
  if (old.dev === head.dev && old.ino === head.ino) return true;
  const { migratedFrom } = there.image;
  return migratedFrom !== null && isUnchanged(disk, migratedFrom.disk);
}

async function diskOf(
  legacy: LegacyInstance,
  signal: AbortSignal | undefined,
): Promise<LegacyDisk | null> {
  try {
    return (await findLegacyDisk(legacy, signal)).disk;
  } catch (error) {
    if (error instanceof MultipassError && error.code === 'LEGACY_INVALID') return null;
    throw error;
  }
}
