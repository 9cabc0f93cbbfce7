import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MultipassError } from '../../errors.js';
import { formatMemorySize } from '../../memory-size.js';

/** Room for records, the seed and the file system's own book-keeping. */
const RESERVE = 4 * 1024 * 1024;

/** Whether `bytes` more fit beside `target`. */
export async function hasSpace(target: string, bytes: number): Promise<boolean> {
  return (await freeBytes(dirname(target))) >= bytes + RESERVE;
}

/**
 * Makes sure before the work that `bytes` more fit beside `target`.
 * @throws MultipassError DISK_FULL with both figures
 */
export async function requireSpace(target: string, bytes: number): Promise<void> {
  const folder = dirname(target);
  const free = await freeBytes(folder);
  if (free >= bytes + RESERVE) return;
  throw new MultipassError(
    'DISK_FULL',
    `not enough space in "${folder}": ${formatMemorySize(bytes)} needed, ${formatMemorySize(free)} free, ` +
      `of which ${formatMemorySize(RESERVE)} are kept in reserve`,
    {
      hint: 'Free some space, for example with `multipass purge`, then try again.',
      details: { path: folder, needed: bytes, free },
    },
  );
}

/** How many bytes more fit beside `target`. */
export async function spaceLeft(target: string): Promise<number> {
  return Math.max(0, (await freeBytes(dirname(target))) - RESERVE);
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
