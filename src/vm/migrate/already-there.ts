import { MultipassError, hasCode } from '../../errors.js';
import type { LegacyInstance } from '../../store/legacy/instances.js';
import type { StoreLayout } from '../../store/layout.js';
import { nameTaken } from '../../store/make-visible.js';
import { syncPath } from '../../files/sync.js';
import { readInstance, type InstanceReading } from '../read-instance.js';
import type { Work } from '../../work.js';
import type { MigrationOrigin } from '../records/image-record.js';
import { findLegacyDisk, type LegacyDisk } from './legacy-disk.js';
import { validMac } from './legacy-spec.js';
import type { DiskClaims } from './ownership.js';
import { leftInPlace, removeFolder, removeOrigin, type MigratedDisk } from './remove-origin.js';

/** What the reason for skipping an instance that came over before begins with. */
export const ALREADY_THERE = 'already there';

/** How a name that may be in the store already is dealt with. */
export interface AlreadyThereRequest {
  readonly layout: StoreLayout;
  readonly mode: 'copy' | 'move';
  readonly claims: DiskClaims;
  readonly dryRun: boolean;
  readonly work: Work;
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
  const { layout, mode, dryRun, work, claims } = request;
  const there = readIfThere(layout, legacy.name);
  if (there === null) return null;
  const origin = originOf(there, legacy);
  if (origin === null) throw nameTaken(legacy.name);
  if (mode === 'copy' || dryRun || legacy.folder === null) return ALREADY_THERE;
  // The run that published it may have been killed before the disk confirmed that.
  await syncPath(layout.instances);
  const left = await removeLeft(legacy.folder, {
    legacy,
    disk: await diskOf(legacy, work.signal),
    claims,
    migrated: { head: there.dir.disk, print: origin.disk },
  });
  return `${ALREADY_THERE}; ${left ?? 'the old files were deleted'}`;
}

interface Left {
  readonly legacy: LegacyInstance;
  readonly disk: LegacyDisk | null;
  readonly claims: DiskClaims;
  readonly migrated: MigratedDisk;
}

async function removeLeft(
  folder: string,
  { legacy, disk, claims, migrated }: Left,
): Promise<string | null> {
  if (disk === null) {
    return legacy.isLink ? `"${folder}" is what a link leads to` : await removeFolder(folder);
  }
  const shared = claims.whyShared(legacy, disk, migrated.head);
  if (shared !== null) return leftInPlace(disk, shared);
  return await removeOrigin(folder, disk, migrated);
}

/** True when the store has this legacy instance, readable. */
export function isThere(layout: StoreLayout, legacy: LegacyInstance): boolean {
  try {
    const there = readIfThere(layout, legacy.name);
    return there !== null && originOf(there, legacy) !== null;
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
    if (hasCode(error, 'INSTANCE_NOT_FOUND')) return null;
    throw error instanceof MultipassError ? nameTaken(name) : error;
  }
}

/** What the instance came from, if that is this one; a record that was lost since says nothing against it. */
function originOf(
  { image: { migratedFrom } }: InstanceReading,
  { name, spec }: LegacyInstance,
): MigrationOrigin | null {
  if (migratedFrom?.name !== name) return null;
  const mac = validMac(spec?.mac ?? null);
  const isSame = mac === null || migratedFrom.mac === null || migratedFrom.mac === mac.toString();
  return isSame ? migratedFrom : null;
}

async function diskOf(
  legacy: LegacyInstance,
  signal: AbortSignal | undefined,
): Promise<LegacyDisk | null> {
  try {
    return (await findLegacyDisk(legacy, signal)).disk;
  } catch (error) {
    if (hasCode(error, 'LEGACY_INVALID')) return null;
    throw error;
  }
}
