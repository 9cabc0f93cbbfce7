import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, fromSystemError } from '../../errors.js';

/** What a folder takes on its disk, in bytes. */
export interface DiskUsage {
  /** Of files that nothing else has a name for: what would be free without the folder. */
  readonly exclusive: number;
  /** Of files that others have a name for as well. */
  readonly shared: number;
}

/** What the files of a folder take, each inode once. Extents that files share below that are not told apart. */
export function diskUsage(folder: string): DiskUsage {
  const files = new Map<string, { bytes: number; links: number; names: number }>();
  visit(folder, files);
  let exclusive = 0;
  let shared = 0;
  for (const { bytes, links, names } of files.values()) {
    if (links > names) shared += bytes;
    else exclusive += bytes;
  }
  return { exclusive, shared };
}

function visit(
  folder: string,
  files: Map<string, { bytes: number; links: number; names: number }>,
): void {
  for (const entry of entriesOf(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      visit(path, files);
      continue;
    }
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats?.isFile() !== true) continue;
    const key = `${stats.dev}:${stats.ino}`;
    const names = (files.get(key)?.names ?? 0) + 1;
    files.set(key, { bytes: stats.blocks * 512, links: stats.nlink, names });
  }
}

function entriesOf(folder: string): ReturnType<typeof readEntries> {
  try {
    return readEntries(folder);
  } catch (error) {
    // Purged since it was listed.
    if (errnoOf(error) === 'ENOENT') return [];
    throw fromSystemError(error, 'read', folder);
  }
}

function readEntries(folder: string) {
  return readdirSync(folder, { withFileTypes: true });
}
