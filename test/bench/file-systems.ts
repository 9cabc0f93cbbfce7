import { run } from '../../src/process/run.js';
import { canLoopMount, withLoopMount } from '../support/loop-mount.js';

/** Where clones are timed: XFS shares extents between files, ext4 does not. */
export type FileSystem = 'xfs' | 'ext4';

/** Room for all that a section makes, in MiB. What is not used takes no space. */
const LOOP_SIZE = 8 * 1024;

/** The kind of the file system that a folder is on, as mount(8) names it. */
export async function fileSystemOf(folder: string): Promise<string> {
  const { stdout } = await run('df', ['--output=fstype', folder]);
  return stdout.split('\n').at(-1)?.trim() ?? '';
}

/**
 * Lends `use` a folder on a file system of that kind: the given one when it is, else one that is mounted for the time.
 * @returns null when there is none
 */
export async function withFileSystem<T>(
  kind: FileSystem,
  folder: string,
  use: (folder: string) => Promise<T>,
): Promise<T | null> {
  if ((await fileSystemOf(folder)) === kind) return await use(folder);
  if (!canLoopMount) return null;
  return await withLoopMount(kind, LOOP_SIZE, use);
}
