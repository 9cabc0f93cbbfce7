import { constants, existsSync } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { errnoOf, fromSystemError, MultipassError } from '../errors.js';
import { run } from '../process/run.js';

/** Several may hold a shared lock, one alone an exclusive one. */
export type LockMode = 'shared' | 'exclusive';

const FLAG = { shared: '-s', exclusive: '-x' } as const;

/** How one acquisition waits. */
export interface KernelLockOptions {
  readonly mode: LockMode;
  readonly signal?: AbortSignal | undefined;
  /** False: answer undefined at once instead of waiting. */
  readonly wait: boolean;
}

/**
 * Takes the kernel's lock (flock(2)) on a file, by flock(1) acting on our own open file: the lock stays with our
 * descriptor after the helper has exited, and the kernel frees it when we die, however we die. It moves along when
 * the folder is renamed; so after taking it the path is looked at again, and another file there means another try.
 *
 * @returns the open file whose closing releases the lock; undefined when it is held and `wait` is false
 * @throws the system's ENOENT when the folder is gone; MultipassError TOOL_MISSING without flock(1); ABORTED
 */
export async function takeKernelLock(
  path: string,
  options: KernelLockOptions,
): Promise<FileHandle | undefined> {
  for (;;) {
    const handle = await openLockFile(path);
    try {
      const args = [FLAG[options.mode], ...(options.wait ? [] : ['-n']), '3'];
      const { exitCode } = await run('flock', args, {
        fd3: handle.fd,
        okExitCodes: [0, 1],
        signal: options.signal,
      });
      if (exitCode === 1) {
        await handle.close();
        return undefined;
      }
      if (await isStillAt(path, handle)) return handle;
      await handle.close();
    } catch (error) {
      await handle.close();
      throw error;
    }
  }
}

/**
 * Whether somebody holds the kernel's lock on a file; one that is not there nobody holds, and it is not made.
 * @throws MultipassError TOOL_MISSING without flock(1), PERMISSION_DENIED, IO_ERROR
 */
export async function isLockHeld(path: string): Promise<boolean> {
  if (!existsSync(path)) return false;
  const handle = await takeKernelLock(path, { mode: 'shared', wait: false });
  await handle?.close();
  return handle === undefined;
}

/**
 * Turns an exclusive lock into a shared one, on the same open file. Not atomic (flock(2)): another may have had it in
 * between, for which this waits.
 * @throws MultipassError TOOL_MISSING without flock(1); ABORTED
 */
export async function shareKernelLock(handle: FileHandle, signal?: AbortSignal): Promise<void> {
  await run('flock', [FLAG.shared, '3'], { fd3: handle.fd, signal });
}

async function openLockFile(path: string): Promise<FileHandle> {
  const { O_RDWR, O_CREAT, O_RDONLY, O_NOFOLLOW } = constants;
  try {
    return await open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
  } catch (error) {
    switch (errnoOf(error)) {
      case 'ENOENT':
        throw error;
      case 'EROFS':
      case 'EACCES':
        // A lock is no change: a store that can only be read can still be locked.
        return await open(path, O_RDONLY | O_NOFOLLOW).catch((second: unknown) => {
          throw fromSystemError(errnoOf(second) === 'ENOENT' ? error : second, 'lock', path);
        });
      case 'ELOOP':
        throw new MultipassError('INSTANCE_BROKEN', `"${path}" is a symbolic link`, {
          hint: 'Remove it: the lock is an ordinary empty file.',
          cause: error,
        });
      default:
        throw fromSystemError(error, 'lock', path);
    }
  }
}

async function isStillAt(path: string, handle: FileHandle): Promise<boolean> {
  const ours = await handle.stat({ bigint: true });
  const there = await stat(path, { bigint: true }).catch(() => undefined);
  return there?.ino === ours.ino && there.dev === ours.dev;
}
