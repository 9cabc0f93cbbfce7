import { createHash } from 'node:crypto';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** The content and mode of everything below a folder, by relative path: equal trees, equal records. */
export async function hashTree(folder: string): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    hashes[name] = await hashEntry(join(folder, name));
  }
  return hashes;
}

async function hashEntry(path: string): Promise<string> {
  const stats = await lstat(path);
  const mode = (stats.mode & 0o7777).toString(8);
  if (stats.isDirectory()) return `folder ${mode}`;
  if (stats.isSymbolicLink()) return `link ${await readlink(path)}`;
  if (!stats.isFile()) return `special ${mode}`;
  return `${mode} ${createHash('sha256')
    .update(await readFile(path))
    .digest('hex')}`;
}
