import { digestOf, hexOf, type Digest } from '../../files/digest.js';
import type { TarWriter } from '../../files/tar/tar-writer.js';
import { packed, type ChunkCarrier, type Packing } from './chunk-carrier.js';
import { chunkHint } from './chunk-hint.js';
import type { Compression } from './compression-names.js';
import type { Chunk } from './manifest.js';

/** The name of a blob in an archive. */
export function blobName(digest: Digest): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

/** Writes chunks into an archive; what is there already is not written again. */
export class ArchiveCarrier implements ChunkCarrier {
  readonly #tar: TarWriter;
  readonly #compression: Compression;
  readonly #written = new Set<Digest>();

  constructor(tar: TarWriter, compression: Compression) {
    this.#tar = tar;
    this.#compression = compression;
  }

  async take(plain: Buffer): Promise<{ packing: Packing; data: Buffer }> {
    const { compression, data } = await packed(this.#compression, plain);
    return { packing: { compression, digest: digestOf(data), packed: data.length }, data };
  }

  async add(chunk: Chunk, data: Buffer): Promise<void> {
    if (this.#written.has(chunk.digest)) return;
    this.#written.add(chunk.digest);
    await this.#tar.add(blobName(chunk.digest), data, chunkHint(chunk));
  }
}
