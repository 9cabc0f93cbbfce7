import { open } from 'node:fs/promises';
import { constants } from 'node:fs';
import { fromSystemError, MultipassError } from '../../errors.js';
import type { TarWriter } from '../../files/tar/tar-writer.js';
import type { Work } from '../../work.js';
import { chunkHint } from './chunk-hint.js';
import { compress } from './compression.js';
import type { Compression } from './compression-names.js';
import { digestOf, FileDigest, hexOf, type Digest } from './digest.js';
import { InTurn } from './in-turn.js';
import type { Chunk } from './manifest.js';

/** A file whose content travels. */
export interface ChunkedFile {
  readonly name: string;
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Bytes of each chunk but the last. */
  readonly chunkSize: number;
}

/** The name of a blob in an archive. */
export function blobName(digest: Digest): string {
  return `blobs/sha256/${hexOf(digest)}`;
}

/** Writes files into an archive, chunk by chunk; what is there already is not written again. */
export class ChunkWriter {
  readonly chunks: Chunk[] = [];
  readonly #tar: TarWriter;
  readonly #compression: Compression;
  readonly #written = new Set<Digest>();

  constructor(tar: TarWriter, compression: Compression) {
    this.#tar = tar;
    this.#compression = compression;
  }

  /**
   * Writes one file, each chunk once it is known whole: one pass, and no more of it in memory than a few chunks. What
   * is zero all over is no chunk.
   * @param advance is told how many bytes of the file were done
   * @returns the digest of the whole file
   * @throws MultipassError INSTANCE_CHANGED when it became shorter meanwhile; TOOL_MISSING, ABORTED, IO_ERROR
   */
  async write(
    file: ChunkedFile,
    { work, advance }: { readonly work: Work; readonly advance: (bytes: number) => void },
  ): Promise<Digest> {
    const { name, path, size } = file;
    const whole = new FileDigest();
    const turn = new InTurn<{ chunk: Chunk; data: Buffer }>(async ({ chunk, data }) => {
      work.throwIfAborted();
      this.chunks.push(chunk);
      if (!this.#written.has(chunk.digest)) {
        this.#written.add(chunk.digest);
        await this.#tar.add(blobName(chunk.digest), data, chunkHint(chunk));
      }
      advance(chunk.offset + chunk.size);
    });
    await using handle = await openToRead(path);
    try {
      for (let offset = 0; offset < size; offset += file.chunkSize) {
        work.throwIfAborted();
        const plain = Buffer.allocUnsafe(Math.min(file.chunkSize, size - offset));
        for (let filled = 0; filled < plain.length;) {
          const { bytesRead } = await handle.read(
            plain,
            filled,
            plain.length - filled,
            offset + filled,
          );
          if (bytesRead === 0) throw becameShorter(path);
          filled += bytesRead;
        }
        if (isZero(plain)) continue;
        whole.add(offset, plain);
        await turn.add(this.#pack(name, offset, plain));
      }
      await turn.end();
    } catch (error) {
      await turn.settle();
      throw error;
    }
    const digest = whole.end(size);
    if (digest === undefined) throw new Error('chunks out of order');
    return digest;
  }

  async #pack(
    file: string,
    offset: number,
    plain: Buffer,
  ): Promise<{ chunk: Chunk; data: Buffer }> {
    const data = await compress(this.#compression, plain);
    // What does not become smaller travels as it is.
    const [compression, packed]: [Compression, Buffer] =
      data.length < plain.length ? [this.#compression, data] : ['none', plain];
    const chunk = {
      file,
      offset,
      size: plain.length,
      compression,
      digest: digestOf(packed),
      packed: packed.length,
      content: digestOf(plain),
    };
    return { chunk, data: packed };
  }
}

const ZEROS = Buffer.alloc(1024 ** 2);

function isZero(data: Buffer): boolean {
  for (let at = 0; at < data.length; at += ZEROS.length) {
    const part = data.subarray(at, at + ZEROS.length);
    if (!part.equals(ZEROS.subarray(0, part.length))) return false;
  }
  return true;
}

async function openToRead(path: string): ReturnType<typeof open> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw fromSystemError(error, 'read the disk', path);
  }
}

function becameShorter(path: string): MultipassError {
  return new MultipassError(
    'INSTANCE_CHANGED',
    `"${path}" became shorter while it was being read`,
    {
      hint: 'See that nothing else writes to it, then try again.',
      details: { path },
    },
  );
}
