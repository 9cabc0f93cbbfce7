import { constants } from 'node:fs';
import { copyFile, link, open, readFile, rm, stat } from 'node:fs/promises';
import { errnoOf, fromSystemError } from '../../errors.js';
import { partsWithData } from '../../files/parts-with-data.js';
import { run } from '../../process/run.js';
import type { Work } from '../../work.js';
import { requireSpace } from './free-space.js';

/** These alone mean "try the next way"; EIO, ENOSPC and EACCES are errors. */
const NOT_SUPPORTED = new Set(['ENOTSUP', 'EOPNOTSUPP', 'EXDEV', 'EINVAL', 'ENOSYS', 'ENOTTY']);
/** Hard links are refused besides by EPERM (protected_hardlinks, FAT) and EMLINK (65,000 on ext4). */
const NOT_LINKABLE = new Set([...NOT_SUPPORTED, 'EPERM', 'EMLINK']);

const POLL_MS = 200;

/** What the copying of one file is stopped by, and tells how far it is: a {@link Work} is that. */
export type CopyWork = Partial<Pick<Work, 'signal' | 'advance'>>;

/**
 * Shares the extents of a file with a new one, where the file system can (XFS, btrfs, APFS, …): no data is moved.
 * @returns false when it cannot, and the target does not exist
 */
export async function reflink(source: string, target: string): Promise<boolean> {
  const { COPYFILE_EXCL, COPYFILE_FICLONE_FORCE } = constants;
  try {
    await copyFile(source, target, COPYFILE_EXCL | COPYFILE_FICLONE_FORCE);
    return true;
  } catch (error) {
    if (NOT_SUPPORTED.has(errnoOf(error) ?? '')) return false;
    throw fromSystemError(error, 'copy', source);
  }
}

/**
 * Copies a file of any size: shared extents where possible, else data, holes kept. `fs.copyFile` would fill them.
 * Knows before the work whether it fits; an interrupted copy is removed.
 * @throws MultipassError DISK_FULL, ABORTED, TOOL_FAILED, PERMISSION_DENIED, IO_ERROR
 */
export async function copyWhole(
  source: string,
  target: string,
  work: CopyWork = {},
): Promise<'reflink' | 'copy'> {
  if (await reflink(source, target)) return 'reflink';
  const allocated = await allocatedBytes(source);
  await requireSpace(target, allocated);
  const timer = watchGrowth(target, allocated, work);
  try {
    const flags = ['--reflink=auto', '--sparse=auto', '--no-target-directory'];
    await run('cp', [...flags, '--', source, target], { signal: work.signal });
  } catch (error) {
    await rm(target, { force: true });
    throw error;
  } finally {
    clearInterval(timer);
  }
  return 'copy';
}

/** What {@link copySmall} reads at once; a disk that nothing was written on stays far below. */
const SMALL = 8 * 1024 ** 2;

/**
 * Copies a file that takes little space, holes kept, without a program, whose start would take longer than the work. A
 * larger one is left to {@link copyWhole}.
 * @throws MultipassError DISK_FULL, ABORTED, TOOL_FAILED, PERMISSION_DENIED, IO_ERROR; nothing of the copy is left
 */
export async function copySmall(
  source: string,
  target: string,
  work: CopyWork = {},
): Promise<void> {
  if ((await stat(source)).size > SMALL) {
    await copyWhole(source, target, work);
    return;
  }
  const data = await readFile(source);
  try {
    await using handle = await open(target, 'wx', 0o600);
    for (const [start, end] of partsWithData(data)) {
      await handle.write(data, start, end - start, start);
    }
    await handle.truncate(data.length);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') await rm(target, { force: true });
    throw fromSystemError(error, 'copy', source);
  }
}

/** Gives an immutable file a second name; where there are no hard links, a copy. */
export async function linkOrCopy(
  source: string,
  target: string,
  work: CopyWork = {},
): Promise<'link' | 'reflink' | 'copy'> {
  try {
    await link(source, target);
    return 'link';
  } catch (error) {
    if (!NOT_LINKABLE.has(errnoOf(error) ?? '')) throw fromSystemError(error, 'link', source);
    return await copyWhole(source, target, work);
  }
}

/** Bytes that a file really takes on its disk. */
export async function allocatedBytes(path: string): Promise<number> {
  return (await stat(path)).blocks * 512;
}

function watchGrowth(target: string, total: number, work: CopyWork): NodeJS.Timeout | undefined {
  if (work.advance === undefined || total === 0) return undefined;
  return setInterval(() => {
    void allocatedBytes(target).then(
      (done) => work.advance?.(Math.min(1, done / total)),
      () => undefined,
    );
  }, POLL_MS);
}
