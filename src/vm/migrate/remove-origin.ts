import { readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { MultipassError, fromSystemError } from '../../errors.js';
import { syncPath } from '../../store/sync.js';
import type { LegacyDisk } from './legacy-disk.js';

/** What Multipass keeps beside the disk; anything else in the folder is not ours to delete. */
const LEGACY_FILE =
  /^(?:cloud-init-config\.iso|[0-9]+\.snapshot\.json|snapshot-head|snapshot-count)(?:\.lock)?$/;

/**
 * Deletes the files of a legacy instance that is safely in the store: its disk, and what Multipass keeps beside it.
 * A disk outside the instance's own folder stays, for another record may stand on it. The databases are left alone:
 * the old Multipass forgets by itself what is gone.
 * @returns a sentence about what was left, or null; it never fails, for the migration has not
 */
export async function removeOrigin(
  folder: string | null,
  disk: LegacyDisk,
): Promise<string | null> {
  if (folder === null || !disk.own) {
    return `"${disk.path}" is not in the instance's own folder: the old files were left in place`;
  }
  try {
    for (const name of await readdir(folder)) {
      if (LEGACY_FILE.test(name)) await rm(join(folder, name));
    }
    // The disk goes last: by it a removal that was killed is known again, and finished.
    await rm(disk.path);
    await syncPath(dirname(disk.path));
    await rm(disk.entry, { force: true });
    return await removeFolder(folder);
  } catch (error) {
    const cause = fromSystemError(error, 'delete the old files', folder);
    if (cause instanceof MultipassError) return cause.message;
    throw cause;
  }
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
