import { digestOf, type Digest } from '../../files/digest.js';
import type { WritableRepository } from '../../registry/writable-repository.js';
import { packed, type ChunkCarrier, type Packing } from './chunk-carrier.js';
import type { Compression } from './compression-names.js';
import type { Chunk } from './manifest.js';

/** A chunk that the registry has, and in which repository. */
export interface ThereChunk extends Packing {
  readonly repository: string;
}

/**
 * Sends chunks to a registry. What it has by content, in whichever form, is not even compressed: in this repository it
 * is named again, and from another one it is taken over.
 */
export class RegistryCarrier implements ChunkCarrier {
  readonly #repository: WritableRepository;
  readonly #compression: Compression;
  /** By content. */
  readonly #there: ReadonlyMap<Digest, ThereChunk>;
  /** What was taken already, or is being: a chunk may be in several places. */
  readonly #taken = new Map<Digest, Promise<Packing>>();
  #sent = 0;
  #sentChunks = 0;
  #reused = 0;

  constructor(
    repository: WritableRepository,
    { compression, there }: { compression: Compression; there: ReadonlyMap<Digest, ThereChunk> },
  ) {
    this.#repository = repository;
    this.#compression = compression;
    this.#there = there;
  }

  /** Bytes of chunks that were sent. */
  get sent(): number {
    return this.#sent;
  }

  get sentChunks(): number {
    return this.#sentChunks;
  }

  /** Bytes of chunks that were there, as they are packed. */
  get reused(): number {
    return this.#reused;
  }

  async take(plain: Buffer, content: Digest): Promise<{ packing: Packing; data: undefined }> {
    const before = this.#taken.get(content);
    if (before !== undefined) return { packing: await before, data: undefined };
    const taking = this.#take(plain, content);
    this.#taken.set(content, taking);
    return { packing: await taking, data: undefined };
  }

  async add(): Promise<void> {
    await Promise.resolve();
  }

  /**
   * Names a chunk that the registry has, without a look at its bytes.
   * @returns false where it cannot be taken over: it has to be read then
   */
  async reuse(
    { content, compression, digest, packed: size }: Chunk,
    repository: string,
  ): Promise<boolean> {
    if (this.#taken.has(content)) return true;
    const isHere = repository === this.#repository.name;
    if (!isHere && !(await this.#repository.mount(digest, repository))) return false;
    this.#reused += size;
    this.#taken.set(content, Promise.resolve({ compression, digest, packed: size }));
    return true;
  }

  /** Sends a chunk that the registry was thought to have. */
  async sendAgain(plain: Buffer): Promise<Packing> {
    return await this.#send(plain);
  }

  async #take(plain: Buffer, content: Digest): Promise<Packing> {
    const there = this.#there.get(content);
    if (there !== undefined) {
      const { repository, ...packing } = there;
      const isHere = repository === this.#repository.name;
      if (isHere || (await this.#repository.mount(packing.digest, repository))) {
        this.#reused += packing.packed;
        return packing;
      }
    }
    return await this.#send(plain);
  }

  async #send(plain: Buffer): Promise<Packing> {
    const { compression, data } = await packed(this.#compression, plain);
    const digest = digestOf(data);
    await this.#repository.upload(data, digest);
    this.#sent += data.length;
    this.#sentChunks += 1;
    return { compression, digest, packed: data.length };
  }
}

/** The chunks of a manifest, by content. */
export function thereChunks(chunks: readonly Chunk[], repository: string): Map<Digest, ThereChunk> {
  return new Map(
    chunks.map(({ content, compression, digest, packed: size }) => [
      content,
      { compression, digest, packed: size, repository },
    ]),
  );
}
