import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { throwIfAborted } from '../../abort.js';
import { fromSystemError, MultipassError } from '../../errors.js';
import { SourceWatch } from '../disks/source-watch.js';
import type { ImageQuery } from '../records/image-record.js';
import { DownloadPlace } from './download-place.js';
import { imageInvalid } from './image-invalid.js';
import type { Obtained, ObtainOptions } from './obtain-options.js';
import { prepareDisk } from './prepare-disk.js';
import { addImage, readImage } from './vault.js';
import { newVaultRecord } from './vault-record.js';

/**
 * Obtains an image from a file of the user's own, which is only read. Its id is the hash of the content, so the same
 * file is prepared once.
 * @param paths absolute; the first that exists is meant
 */
export async function obtainFromFile(
  paths: readonly [string, ...string[]],
  options: ObtainOptions,
): Promise<Obtained> {
  const { layout, work, as } = options;
  const { signal } = work;
  const path = findFile(paths);
  const query: ImageQuery = { release: `file://${path}`, remote: '', type: 'file' };
  const source = await realpath(path);
  const watch = await SourceWatch.begin([source], signal);
  work.begin('verifying');
  const id = imageId(await hashOf(source, signal), as);
  // Whoever brings the same file meanwhile waits, and finds it there.
  const place = await DownloadPlace.take(layout, id, signal);
  try {
    const known = readImage(layout, id);
    if (known !== undefined) return { image: known, query, isNew: false };
    const image = await addImage(layout, {
      id,
      record: newVaultRecord({ id, query }),
      fill: async (target) => {
        await prepareDisk({ source, verified: false, origin: path, as, target, work });
        watch.requireUnchanged();
      },
    });
    return { image, query, isNew: true };
  } finally {
    await place.release();
  }
}

/** The same bytes, taken for something else, are another image. */
function imageId(hash: string, as: 'raw' | undefined): string {
  return as === undefined ? hash : createHash('sha256').update(`${hash} as ${as}`).digest('hex');
}

function findFile(paths: readonly [string, ...string[]]): string {
  for (const path of paths) {
    const stats = statOf(path);
    if (stats === undefined) continue;
    if (!stats.isFile()) throw imageInvalid(path, 'it is not a regular file');
    return path;
  }
  throw new MultipassError('IMAGE_NOT_FOUND', `Custom image \`${paths[0]}\` does not exist.`, {
    hint: 'Give the path of a disk image; what has a slash in it is taken for a path.',
    details: { path: paths[0] },
  });
}

function statOf(path: string): ReturnType<typeof statSync> | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw fromSystemError(error, 'read the image', path);
  }
}

async function hashOf(path: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256');
  try {
    const stream = createReadStream(path, { highWaterMark: 1024 * 1024 });
    await pipeline(stream, hash, signal === undefined ? {} : { signal });
  } catch (error) {
    throwIfAborted(signal);
    throw fromSystemError(error, 'read the image', path);
  }
  return hash.digest('hex');
}
