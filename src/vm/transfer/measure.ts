import { lstat, readdir } from 'node:fs/promises';
import { throwIfAborted } from '../../abort.js';
import { within } from './byte-path.js';

/**
 * How many bytes there are to be copied of files and folders of this host. What cannot be read counts nothing: whoever
 * copies it will say so.
 * @throws MultipassError ABORTED
 */
export async function measure(paths: readonly Buffer[], signal?: AbortSignal): Promise<number> {
  let sum = 0;
  for (const path of paths) {
    throwIfAborted(signal);
    const stats = await lstat(path).catch(() => undefined);
    if (stats?.isFile() === true) sum += stats.size;
    if (stats?.isDirectory() !== true) continue;
    const names = await readdir(path, 'buffer').catch(() => []);
    sum += await measure(
      names.map((name) => within(path, name)),
      signal,
    );
  }
  return sum;
}
