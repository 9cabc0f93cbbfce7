import { randomBytes } from 'node:crypto';
import { open, rm, stat, type FileHandle } from 'node:fs/promises';
import { fromSystemError, MultipassError } from '../../errors.js';
import { moveDurably } from '../../files/draft.js';
import type { TakeBytes } from '../../files/tar/tar-writer.js';

/**
 * Lets an archive be written to a path: it is there whole and durable once this resolves, and when it rejects what was
 * there is as it was. It is made beside its place, readable by its owner alone, and a killed process leaves
 * `<path>.<hex>.part`. Into what is no regular file, such as a pipe or a device, it is written as it comes.
 * @throws MultipassError INVALID_ARGUMENT for a folder; DISK_FULL, PERMISSION_DENIED, IO_ERROR; what `write` throws
 */
export async function withArchiveFile<T>(
  path: string,
  write: (take: TakeBytes) => Promise<T>,
): Promise<T> {
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory() === true) {
    throw new MultipassError('INVALID_ARGUMENT', `"${path}" is a folder`, {
      hint: 'Name a file in it, such as `web.tar`.',
      details: { path },
    });
  }
  const isStream = there !== undefined && !there.isFile();
  const draft = isStream ? path : `${path}.${randomBytes(4).toString('hex')}.part`;
  try {
    const handle = await open(draft, isStream ? 'w' : 'wx', 0o600);
    try {
      const result = await write(taker(handle));
      if (!isStream) await handle.sync();
      await handle.close();
      if (!isStream) await moveDurably(draft, path);
      return result;
    } catch (error) {
      await handle.close().catch(() => undefined);
      if (!isStream) await rm(draft, { force: true });
      throw error;
    }
  } catch (error) {
    throw fromSystemError(error, 'write the archive', path);
  }
}

function taker(handle: FileHandle): TakeBytes {
  return async (bytes) => {
    for (let done = 0; done < bytes.length;) {
      done += (await handle.write(bytes, done)).bytesWritten;
    }
  };
}
