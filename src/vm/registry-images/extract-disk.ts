import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { fromSystemError, hasCode } from '../../errors.js';
import { TarReader } from '../../files/tar/tar-reader.js';
import { requireSpace } from '../disks/free-space.js';
import { imageInvalid } from '../images/image-invalid.js';
import { KUBEVIRT_DISK } from '../travel/media-types.js';
import { checkedBlob, type ExtractRequest } from './checked-blob.js';
import type { Layer } from './choose-manifest.js';
import { extractKubevirtDisk } from './kubevirt-disk.js';

const DISK = /^(?:\.?\/)?disk\/[^/]+$/;
const PLAIN =
  /^application\/vnd\.oci\.image\.layer\.v1\.tar$|^application\/vnd\.docker\.image\.rootfs\.diff\.tar$/;
const GZIP = /(?:\+gzip|\.tar\.gzip|diff\.tar\.gz)$/;
const MOST_ENTRIES = 100_000;

/**
 * Takes the disk out of a container image: the one file in `/disk`, of the uppermost layer that has any; or out of what
 * KubeVirt's export writes, whose layer it is. Layers are read as they come, and are what their digests say, or nothing
 * is taken of them.
 * @returns `raw` for a disk of which the image says so
 * @throws MultipassError IMAGE_INVALID, REGISTRY_FAILED, DISK_FULL, ABORTED, …
 */
export async function extractDisk(request: ExtractRequest): Promise<'raw' | undefined> {
  const { layers, origin } = request;
  const disk = layers.find(({ mediaType }) => KUBEVIRT_DISK.test(mediaType));
  if (disk !== undefined) return await extractKubevirtDisk(disk, request);
  for (const layer of layers.toReversed()) {
    if (!PLAIN.test(layer.mediaType) && !GZIP.test(layer.mediaType)) continue;
    if (await extractFrom(layer, request)) return undefined;
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
