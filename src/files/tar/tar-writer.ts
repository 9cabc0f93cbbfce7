import { paxText } from './pax-records.js';
import { TAR_BLOCK, tarHeader, type PaxRecords } from './tar-header.js';

/** Takes the next bytes; resolves when there is room for more. */
export type TakeBytes = (bytes: Uint8Array) => Promise<void>;

/** What no name in the old part of a header may be longer than; ours are shorter. */
const LONGEST_NAME = 100;

/**
 * Writes a tar archive of small files, in one pass and without a second copy of anything. The same files in the same
 * order give the same bytes: they have no times, and no owners.
 */
export class TarWriter {
  readonly #take: TakeBytes;
  #written = 0;

  constructor(take: TakeBytes) {
    this.#take = take;
  }

  /** Bytes of the archive so far. */
  get written(): number {
    return this.#written;
  }

  /** Adds a file. @throws what taking the bytes throws */
  async add(name: string, data: Uint8Array, pax: PaxRecords = new Map()): Promise<void> {
    if (Buffer.byteLength(name) > LONGEST_NAME) throw new Error(`too long a name: ${name}`);
    if (pax.size > 0) {
      const facts = paxText(pax);
      await this.#write(
        tarHeader({
          name: `PaxHeaders/${name}`.slice(0, LONGEST_NAME),
          size: facts.length,
          kind: 'pax',
        }),
      );
      await this.#writeBody(facts);
    }
    await this.#write(tarHeader({ name, size: data.length, kind: 'file' }));
    await this.#writeBody(data);
  }

  /** Adds a file of so many bytes, at most 8 GiB less one, which come in pieces. @throws as {@link add} */
  async addStream(name: string, size: number, pieces: AsyncIterable<Uint8Array>): Promise<void> {
    if (Buffer.byteLength(name) > LONGEST_NAME) throw new Error(`too long a name: ${name}`);
    await this.#write(tarHeader({ name, size, kind: 'file' }));
    let left = size;
    for await (const piece of pieces) {
      left -= piece.length;
      await this.#write(piece);
    }
    if (left !== 0) throw new Error(`${name} is not of ${size} bytes`);
    await this.#pad(size);
  }

  /** Writes the end of the archive: without it a reader takes it for cut off. */
  async end(): Promise<void> {
    await this.#write(Buffer.alloc(2 * TAR_BLOCK));
  }

  async #writeBody(data: Uint8Array): Promise<void> {
    await this.#write(data);
    await this.#pad(data.length);
  }

  async #pad(length: number): Promise<void> {
    const padding = -length & (TAR_BLOCK - 1);
    if (padding > 0) await this.#write(Buffer.alloc(padding));
  }

  async #write(bytes: Uint8Array): Promise<void> {
    await this.#take(bytes);
    this.#written += bytes.length;
  }
}
