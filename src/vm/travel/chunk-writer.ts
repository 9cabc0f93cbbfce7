import { open } from 'node:fs/promises';
import { constants } from 'node:fs';
import { fromSystemError, MultipassError } from '../../errors.js';
import type { Work } from '../../work.js';
import type { ChunkCarrier } from './chunk-carrier.js';
import { digestOf, FileDigest, type Digest } from '../../files/digest.js';
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

/** Hands files to what carries them, chunk by chunk. */
export class ChunkWriter {
  readonly chunks: Chunk[] = [];
  readonly #carrier: ChunkCarrier;

  constructor(carrier: ChunkCarrier) {
    this.#carrier = carrier;
  }

  /**
   * Hands over one file, each chunk once it is known whole: one pass, and no more of it in memory than a few chunks.
   * What is zero all over is no chunk.
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
    const turn = new InTurn<{ chunk: Chunk; data: Buffer | undefined }>(async ({ chunk, data }) => {
      work.throwIfAborted();
      this.chunks.push(chunk);
      await this.#carrier.add(chunk, data);
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
  ): Promise<{ chunk: Chunk; data: Buffer | undefined }> {
    const content = digestOf(plain);
    const { packing, data } = await this.#carrier.take(plain, content);
    return { chunk: { file, offset, size: plain.length, ...packing, content }, data };
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
