import { lstatSync } from 'node:fs';
import { readdir, realpath, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { LegacyInstance } from '../../store/legacy/instances.js';
import { syncPath } from '../../store/sync.js';
import type { MigrationOrigin } from '../records/image-record.js';
import { printOfDisk } from './legacy-disk.js';

/** What Multipass keeps beside the disk; anything else in the folder is not ours to delete. */
const LEGACY_FILE =
  /^(?:cloud-init-config\.iso|[0-9]+\.snapshot\.json|snapshot-head|snapshot-count)$/;

/**
 * Deletes the files of a legacy instance after it was migrated and made durable, if its disk is still what was
 * migrated. The databases are left alone: the old Multipass forgets by itself what is gone.
 * @param disk the legacy disk, and what it was when it was migrated
 * @returns a sentence about what was left, or null
 */
export async function removeOrigin(
  legacy: LegacyInstance,
  disk: { readonly path: string; readonly print: MigrationOrigin['disk'] },
): Promise<string | null> {
  if (!isStill(disk)) return `"${disk.path}" changed meanwhile: the old files were left in place`;
  const { folder } = legacy;
  if (folder !== null) {
    for (const name of await readdir(folder)) {
      if (LEGACY_FILE.test(name)) await rm(join(folder, name), { force: true });
    }
  }
  // The disk goes last: by it a removal that was killed is known again, and finished.
  const target = await realpath(disk.path);
  await rm(target);
  await rm(disk.path, { force: true });
  await syncPath(dirname(target));
  return folder === null ? null : await removeFolder(folder);
}

async function removeFolder(folder: string): Promise<string | null> {
  const left = await readdir(folder);
  if (left.length > 0)
    return `"${folder}" still has files that are not Multipass's: ${left.join(', ')}`;
  await rmdir(folder);
  await syncPath(dirname(folder));
  return null;
}

/** True when `disk` exists and is what it was. */
export function isStill(disk: {
  readonly path: string;
  readonly print: MigrationOrigin['disk'];
}): boolean {
  if (lstatSync(disk.path, { throwIfNoEntry: false }) === undefined) return false;
  const now = printOfDisk(disk.path);
  const { inode, size, mtimeNs } = disk.print;
  return now.inode === inode && now.size === size && now.mtimeNs === mtimeNs;
}
