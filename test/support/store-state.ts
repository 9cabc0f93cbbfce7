import { createHash, type Hash } from 'node:crypto';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join, relative } from 'node:path';

/** What is another one each time: tokens, uuids, MAC addresses, times, inodes, numbers of drafts, ids of bases. */
const RANDOM = new RegExp(
  [
    '[0-9a-f]{12}\\.[0-9a-f]{12}\\.\\d+\\.\\d+\\.\\d+(?:\\.[0-9a-f]{16})?',
    '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}',
    '(?:[0-9a-f]{2}:){5}[0-9a-f]{2}',
    '\\b[0-9a-f]{12}\\b',
    '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z',
    'base-[0-9a-f]{24,32}',
    '(?<=\\.json\\.)\\d+',
    '(?<=\\n)\\d+(?=\\n)',
    'AAAA[A-Za-z0-9+/=]{40,}',
  ].join('|'),
  'g',
);

/** The part of a disk that names another file. */
const HEADER = 65_536;

/**
 * A hash of all that a folder holds, the same for folders that differ only in what is made at random: that is numbered
 * in the order in which it is met, so that what says the same in two places has to do so in both.
 */
export async function stateOfFolder(folder: string): Promise<string> {
  const numbers = new Map<string, number>();
  const canonical = (text: string): string =>
    text.replaceAll(RANDOM, (found) => {
      const key = found.replaceAll(':', '');
      const number = numbers.get(key) ?? numbers.size;
      numbers.set(key, number);
      return `#${number}`;
    });
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.map(({ parentPath, name }) => relative(folder, join(parentPath, name)));
  const wiped = (path: string): string => path.replaceAll(RANDOM, '#');
  paths.sort((a, b) => wiped(a).localeCompare(wiped(b)));
  const hash = createHash('sha256');
  for (const path of paths) {
    hash.update(`${canonical(path)}\0`);
    await addEntry(hash, join(folder, path), canonical);
  }
  return hash.digest('hex');
}

async function addEntry(
  hash: Hash,
  path: string,
  canonical: (text: string) => string,
): Promise<void> {
  const stats = await lstat(path);
  hash.update(`${stats.mode.toString(8)} ${stats.isDirectory() ? '' : stats.nlink}\0`);
  if (stats.isSymbolicLink()) hash.update(await readlink(path));
  if (!stats.isFile()) return;
  const content = await readFile(path);
  const size = path.endsWith('.iso') ? content.length : HEADER;
  hash.update(canonical(content.toString('latin1', 0, size)), 'latin1');
  hash.update(content.subarray(size));
}
