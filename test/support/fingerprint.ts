import { createHash } from 'node:crypto';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join, relative } from 'node:path';

/**
 * All that a folder holds, by path: kind and mode of each entry, and of a file its content and the time it was last
 * written. Two that are equal are of folders in which nothing was touched.
 */
export async function fingerprint(folder: string): Promise<Record<string, string>> {
  const prints: Record<string, string> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    prints[relative(folder, path)] = await printOf(path);
  }
  return prints;
}

async function printOf(path: string): Promise<string> {
  const stats = await lstat(path, { bigint: true });
  const mode = stats.mode.toString(8);
  if (stats.isSymbolicLink()) return `${mode} to ${await readlink(path)}`;
  if (!stats.isFile()) return mode;
  const content = createHash('sha256').update(await readFile(path));
  return `${mode} of ${stats.mtimeNs} with ${content.digest('hex')}`;
}
