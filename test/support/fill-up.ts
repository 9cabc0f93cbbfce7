import { spawnSync } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { join } from 'node:path';

/** Takes the space of a file system but so many bytes, at once; with none left, to the last block. */
export function fillUp(folder: string, leave = 0): void {
  const { bavail, bsize } = statfsSync(folder);
  const bytes = bavail * bsize - leave;
  spawnSync('fallocate', ['-l', String(bytes), join(folder, 'filler')]);
  if (leave === 0) spawnSync('dd', ['if=/dev/zero', 'bs=1k', `of=${join(folder, 'last')}`]);
}
