import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { fromSystemError, hasCode } from '../../errors.js';
import { TarReader } from '../../files/tar/tar-reader.js';
import type { Repository } from '../../registry/repository.js';
import type { Work } from '../../work.js';
import { requireSpace } from '../disks/free-space.js';
import { imageInvalid } from '../images/image-invalid.js';
import type { Layer } from './choose-manifest.js';

/** Which disk is taken out of which image. */
export interface ExtractRequest {
  readonly repository: Repository;
  readonly layers: readonly Layer[];
  readonly origin: string;
  /** The file that it becomes; it is not there. */
  readonly target: string;
  readonly work: Work;
}

const DISK = /^(?:\.?\/)?disk\/[^/]+$/;
const PLAIN =
  /^application\/vnd\.oci\.image\.layer\.v1\.tar$|^application\/vnd\.docker\.image\.rootfs\.diff\.tar$/;
const GZIP = /(?:\+gzip|\.tar\.gzip|diff\.tar\.gz)$/;
const MOST_ENTRIES = 100_000;
const MOST_STUMBLES = 5;

/**
 * Takes the disk out of a container image: the one file in `/disk`, of the uppermost layer that has any. Layers are
 * read as they come, and are what their digests say, or nothing is taken of them.
 * @throws MultipassError IMAGE_INVALID, REGISTRY_FAILED, DISK_FULL, ABORTED, …
 */
export async function extractDisk(request: ExtractRequest): Promise<void> {
  const { layers, origin } = request;
  for (const layer of layers.toReversed()) {
    if (!PLAIN.test(layer.mediaType) && !GZIP.test(layer.mediaType)) continue;
    if (await extractFrom(layer, request)) return;
  }
  throw imageInvalid(origin, 'none of its layers has a file in /disk', {
    hint: 'Give an image with a disk in it, as those for KubeVirt are (containerDisk).',
  });
}

/** False when the layer has no disk. */
async function extractFrom(layer: Layer, request: ExtractRequest): Promise<boolean> {
  const { origin, target, work } = request;
  const unfit = (problem: string): Error =>
    imageInvalid(origin, `its layer ${layer.digest} cannot be read: ${problem}`);
  const bytes = checkedBlob(layer, request);
  // Unpacked it may be a thousand times as large: it is read piece by piece, and what is kept of it has to fit.
  const gunzip = createGunzip();
  const plain: AsyncIterable<Uint8Array> = GZIP.test(layer.mediaType)
    ? (Readable.from(bytes)
        .on('error', (error) => gunzip.destroy(error))
        .pipe(gunzip) as AsyncIterable<Uint8Array>)
    : bytes;
  const tar = new TarReader(plain, { unfit, limits: { entries: MOST_ENTRIES } });
  let found = false;
  try {
    for (let entry = await tar.next(); entry !== undefined; entry = await tar.next()) {
      work.throwIfAborted();
      if (entry.kind !== 'file' || !DISK.test(entry.name)) continue;
      if (found) throw imageInvalid(origin, 'it has several files in /disk');
      found = true;
      await requireSpace(target, entry.size);
      await writeBody(tar, target);
    }
    return found;
  } catch (error) {
    // Whatever else layers below a disk's may have in them is no matter.
    if (!found && hasCode(error, 'IMAGE_INVALID')) return false;
    if ((error as { code?: unknown }).code?.toString().startsWith('Z_') === true) {
      throw unfit((error as Error).message);
    }
    throw error;
  } finally {
    gunzip.destroy();
    await tar.close();
  }
}

async function writeBody(tar: TarReader, target: string): Promise<void> {
  try {
    await using file = await open(target, 'wx', 0o600);
    let at = 0;
    for await (const piece of tar.pieces()) {
      // What is zero all over stays a hole.
      if (piece.some((byte) => byte !== 0)) {
        for (let done = 0; done < piece.length;) {
          done += (await file.write(piece, done, piece.length - done, at + done)).bytesWritten;
        }
      }
      at += piece.length;
    }
    await file.truncate(at);
  } catch (error) {
    throw fromSystemError(error, 'write the disk', target);
  }
}

/** The bytes of a blob, gone on with where they were cut; behind the last one they are known to be the right ones. */
async function* checkedBlob(
  layer: Layer,
  { repository, origin, work }: ExtractRequest,
): AsyncGenerator<Uint8Array, void> {
  const hash = createHash('sha256');
  let at = 0;
  for (let stumbles = 0; at < layer.size;) {
    const { start, pieces } = await repository.blobFrom(layer, at);
    try {
      let skip = at - start;
      for await (const piece of pieces) {
        work.throwIfAborted();
        const rest = piece.subarray(Math.min(skip, piece.length));
        skip -= piece.length - rest.length;
        if (rest.length === 0) continue;
        if (at + rest.length > layer.size) throw imageInvalid(origin, 'a layer of it is too long');
        hash.update(rest);
        at += rest.length;
        work.advance(at / layer.size);
        yield rest;
      }
      if (at < layer.size) throw imageInvalid(origin, 'a layer of it is too short');
    } catch (error) {
      if (!hasCode(error, 'DOWNLOAD_FAILED') || (stumbles += 1) > MOST_STUMBLES) throw error;
    }
  }
  if (`sha256:${hash.digest('hex')}` !== layer.digest) {
    throw imageInvalid(origin, `its layer ${layer.digest} came as something else`, {
      hint: 'Try again; if it stays so, the registry is damaged.',
    });
  }
}
