import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../src/process/run.js';

/** XFS and btrfs share extents between files, ext4 does not. */
export type LoopFileSystem = 'ext4' | 'xfs' | 'btrfs';

const QUICK: Readonly<Record<LoopFileSystem, readonly string[]>> = {
  // Nothing is reserved for root, so that full is full.
  ext4: ['-q', '-m', '0', '-E', 'lazy_itable_init=1,nodiscard'],
  xfs: ['-q', '-K'],
  btrfs: ['-q', '-K'],
};

/** Mounting is for root alone, and not in every container. */
export const canLoopMount = process.getuid?.() === 0 && existsSync('/dev/loop-control');

/**
 * Lends `use` a file system of its own kind and size, in a file of the temporary folder; it is unmounted and removed
 * whatever happens. XFS wants 300 MiB, btrfs 120 MiB at least; nothing of that is written.
 */
export async function withLoopMount<T>(
  fsType: LoopFileSystem,
  sizeMiB: number,
  use: (folder: string, image: string) => Promise<T>,
): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), `multipass-ts-${fsType}-`));
  const [image, folder] = [join(home, 'image'), join(home, 'mount')];
  try {
    await writeFile(image, '');
    await truncate(image, sizeMiB * 1024 ** 2);
    await run(`mkfs.${fsType}`, [...QUICK[fsType], image]);
    await mkdir(folder);
    return await mounted(image, folder, () => use(folder, image));
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** Mounts an image, whose journal is replayed by that, for as long as `use` takes. */
export async function mounted<T>(image: string, folder: string, use: () => Promise<T>): Promise<T> {
  await run('mount', ['-o', 'loop', image, folder]);
  try {
    return await use();
  } finally {
    await unmount(folder);
  }
}

/** A process that dies just now may still hold a file there: then the mount goes when the file does. */
async function unmount(folder: string): Promise<void> {
  await run('umount', [folder]).catch(() => run('umount', ['--lazy', folder]));
}
