import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fromSystemError } from '../../errors.js';
import { requireSpace } from '../disks/free-space.js';
import { unpack } from '../foreign/unpack.js';
import { KUBEVIRT_DISK } from '../travel/media-types.js';
import { checkedBlob, type ExtractRequest } from './checked-blob.js';
import type { Layer } from './choose-manifest.js';

/**
 * Takes the disk that KubeVirt's export has pushed (`virtctl vmexport`, VEP 256): a layer that is the disk itself,
 * packed or not.
 * @returns `raw` for one of which its type says so
 * @throws MultipassError IMAGE_INVALID, ARTIFACT_INVALID, REGISTRY_FAILED, DISK_FULL, TOOL_MISSING, ABORTED, …
 */
export async function extractKubevirtDisk(
  layer: Layer,
  request: ExtractRequest,
): Promise<'raw' | undefined> {
  const { origin, target, work } = request;
  const packed = `${target}.packed`;
  await requireSpace(packed, layer.size);
  const pieces = Readable.from(checkedBlob(layer, request));
  try {
    await pipeline(pieces, createWriteStream(packed, { flags: 'wx', mode: 0o600 }));
  } catch (error) {
    throw fromSystemError(error, 'write the disk', packed);
  }
  const path = await unpack({ path: packed, origin, folder: dirname(target), work });
  await rename(path, target);
  await rm(packed, { force: true });
  return KUBEVIRT_DISK.exec(layer.mediaType)?.[1] === 'raw' ? 'raw' : undefined;
}
