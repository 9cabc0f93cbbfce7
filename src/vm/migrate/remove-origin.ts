import { statSync } from 'node:fs';
import { readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fromSystemError, MultipassError } from '../../errors.js';
import { syncPath } from '../../files/sync.js';
import type { MigrationOrigin } from '../records/image-record.js';
import { isUnchanged, type LegacyDisk } from './legacy-disk.js';

/** What Multipass keeps beside the disk; anything else in the folder is not ours to delete. */
const LEGACY_FILE =
  /^(?:cloud-init-config\.iso|[0-9]+\.snapshot\.json|snapshot-head|snapshot-count)(?:\.lock)?$/;

/** What a legacy disk became. */
export interface MigratedDisk {
  /** Path of the head. */
  readonly head: string;
  /** What the legacy disk was when it was migrated. */
  readonly print: MigrationOrigin['disk'];
}

/**
 * Deletes the files of a legacy instance that is safely in the store: its disk, if that is still what was migrated,
 * and what Multipass keeps beside it. To be called for a disk that is its alone ({@link DiskClaims}). The databases are
 * left alone: the old Multipass forgets by itself what is gone.
 * @returns a sentence about what was left, or null; it never fails, for the migration has not
 */
export async function removeOrigin(
  folder: string,
  disk: LegacyDisk,
  migrated: MigratedDisk,
): Promise<string | null> {
  try {
    if (!isStill(disk, migrated)) return leftInPlace(disk, 'is not what was migrated');
    for (const name of await readdir(folder)) {
      if (LEGACY_FILE.test(name)) await rm(join(folder, name));
    }
    // The disk goes last: by it a removal that was killed is known again, and finished.
    await rm(disk.path);
    await syncPath(dirname(disk.path));
    return await removeFolder(folder);
  } catch (error) {
    const cause = fromSystemError(error, 'delete the old files', folder);
    if (cause instanceof MultipassError) return cause.message;
    throw cause;
  }
}

/** What is said of a disk that was not deleted. @param why a predicate of the disk */
export function leftInPlace({ path }: Pick<LegacyDisk, 'path'>, why: string): string {
  return `"${path}" ${why}: the old files are left in place`;
}

/** The very head, by a hard link, whatever was done to it since; or else an unchanged disk. */
function isStill(disk: LegacyDisk, { head, print }: MigratedDisk): boolean {
  const old = statSync(disk.path);
  const now = statSync(head);
  return (old.dev === now.dev && old.ino === now.ino) || isUnchanged(disk, print);
}

/**
 * Removes the folder of a legacy instance whose files are gone.
 * @returns a sentence about what is still in it, or null
 */
export async function removeFolder(folder: string): Promise<string | null> {
  const left = await readdir(folder);
  if (left.length > 0) {
    return `"${folder}" still has files that are not Multipass's: ${left.join(', ')}`;
  }
  await rmdir(folder);
  await syncPath(dirname(folder));
  return null;
}
