import { MultipassError } from '../../errors.js';
import type { LegacyInstance } from '../../store/legacy/instances.js';
import type { StoreLayout } from '../../store/layout.js';
import { nameTaken } from '../../store/staging.js';
import { findLegacyDisk } from './legacy-disk.js';
import { readInstance } from '../read-instance.js';
import type { MigrationOrigin } from '../records/image-record.js';
import { isStill, removeOrigin } from './remove-origin.js';

/** What to do about a name that is in the store already. */
export interface AlreadyThereRequest {
  readonly layout: StoreLayout;
  readonly mode: 'copy' | 'move';
  readonly dryRun: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Says why a legacy instance whose name is in the store is skipped: it is there already. With `move` the old files
 * that an earlier run left are deleted, if the disk is still the one that was migrated.
 * @throws MultipassError NAME_TAKEN when the instance of that name is another one
 */
export async function alreadyThere(
  request: AlreadyThereRequest,
  legacy: LegacyInstance,
): Promise<string> {
  const origin = originOf(request.layout, legacy.name);
  if (origin?.name !== legacy.name || !isSame(origin, legacy)) throw nameTaken(legacy.name);
  if (request.mode === 'copy' || request.dryRun || legacy.folder === null) return 'already there';
  const path = await diskPath(legacy, request.signal);
  if (path === null || !isStill({ path, print: origin.disk })) {
    return 'already there; the old disk is not what was migrated, and was left in place';
  }
  const left = await removeOrigin(legacy, { path, print: origin.disk });
  return left === null ? 'already there; the old files were deleted' : `already there; ${left}`;
}

/** A record that was lost since says nothing against it. */
function isSame(origin: MigrationOrigin, { spec }: LegacyInstance): boolean {
  const mac = spec?.mac?.toLowerCase() ?? null;
  return mac === null || origin.mac === null || mac === origin.mac;
}

function originOf(layout: StoreLayout, name: string): MigrationOrigin | null {
  try {
    return readInstance(layout, name).image.migratedFrom;
  } catch (error) {
    if (error instanceof MultipassError) return null;
    throw error;
  }
}

async function diskPath(
  legacy: LegacyInstance,
  signal: AbortSignal | undefined,
): Promise<string | null> {
  try {
    return (await findLegacyDisk(legacy, signal)).disk.path;
  } catch (error) {
    if (error instanceof MultipassError && error.code === 'LEGACY_INVALID') return null;
    throw error;
  }
}
