import { lstatSync } from 'node:fs';

/** A file system may stamp times only this finely: what is younger could change again without showing it. */
const TIME_GRAIN_MS = 2000;

/**
 * What tells that a base is the file that it was, and that nothing was written to it: device, inode, size and times.
 * The time of its last change cannot be set by anybody, and moves with a new link to it, too.
 * @returns undefined for one that is not there, or was touched only just now
 */
export function basePrint(path: string): string | undefined {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stats?.isFile() !== true) return undefined;
  const youngest = Number(stats.mtimeMs > stats.ctimeMs ? stats.mtimeMs : stats.ctimeMs);
  const age = Date.now() - youngest;
  if (age < TIME_GRAIN_MS) return undefined;
  return [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(':');
}
