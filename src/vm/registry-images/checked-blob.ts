import { createHash } from 'node:crypto';
import { hasCode } from '../../errors.js';
import type { Repository } from '../../registry/repository.js';
import type { Work } from '../../work.js';
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

const MOST_STUMBLES = 5;

/**
 * The bytes of a layer, gone on with where they were cut; behind the last one they are known to be the right ones.
 * @throws MultipassError IMAGE_INVALID for others, more, or less; REGISTRY_FAILED, ABORTED, …
 */
export async function* checkedBlob(
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
