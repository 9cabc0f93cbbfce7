import type { Digest } from '../../files/digest.js';
import type { Compression } from './compression-names.js';
import { compress } from './compression.js';
import type { Chunk } from './manifest.js';

/** How the bytes of a chunk travel. */
export interface Packing {
  readonly compression: Compression;
  /** Of the blob. */
  readonly digest: Digest;
  /** Bytes of the blob. */
  readonly packed: number;
}

/** What carries chunks: an archive, or a registry. */
export interface ChunkCarrier {
  /** Takes the plain bytes of a chunk. Several are taken at once. */
  take(plain: Buffer, content: Digest): Promise<{ packing: Packing; data: Buffer | undefined }>;
  /** Told of each chunk in the order of its file, with the data that came of it. */
  add(chunk: Chunk, data: Buffer | undefined): Promise<void>;
}

/** Compresses the bytes of a chunk; what does not become smaller travels as it is. */
export async function packed(
  compression: Compression,
  plain: Buffer,
): Promise<{ compression: Compression; data: Buffer }> {
  const data = await compress(compression, plain);
  return data.length < plain.length ? { compression, data } : { compression: 'none', data: plain };
}
