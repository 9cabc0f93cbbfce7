import { statSync } from 'node:fs';

/**
 * Whether a process has a folder as its working directory, as the kernel says: by device and inode, for the folder may
 * have been moved since, or be seen from another mount namespace. Where there is no /proc to ask, it is believed.
 * @returns false also for one that has ended, or is not ours to look at
 */
export function isAtWorkIn(pid: number, folder: string): boolean {
  if (process.platform !== 'linux') return true;
  try {
    const [there, here] = [
      statSync(`/proc/${pid}/cwd`, { bigint: true }),
      statSync(folder, { bigint: true }),
    ];
    return there.dev === here.dev && there.ino === here.ino;
  } catch {
    return false;
  }
}
