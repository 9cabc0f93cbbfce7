import { readPaxText } from './pax-records.js';
import {
  isZeroBlock,
  readTarHeader,
  TAR_BLOCK,
  type PaxRecords,
  type TarHeader,
} from './tar-header.js';

/** One file or folder of an archive. */
export interface TarEntry {
  readonly name: string;
  readonly kind: 'file' | 'folder';
  /** Bytes of its body. */
  readonly size: number;
  /** Where its body begins in the archive, in bytes. */
  readonly offset: number;
  readonly pax: PaxRecords;
}

/** What an archive of a stranger may have at most; beyond it is refused before anything is allocated. */
export interface TarLimits {
  readonly entries: number;
}

/** An extended header is a few lines. */
const LARGEST_PAX = 16 * 1024;
/** Archives are filled up with zeros to a whole number of records, which are 10 KiB by default, and may be larger. */
const LONGEST_END = 1024 ** 2;
const CUT_OFF = 'it is cut off';

/**
 * Reads a tar archive of regular files from a stream, entry by entry, without seeking, and holds no more of it than
 * what is asked for. Everything in it is a stranger's: names are for the caller to judge, but links, devices, sparse
 * files, names that a header takes from elsewhere, and a size that two headers tell differently are refused here. It
 * has to end as an archive does.
 */
export class TarReader {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #unfit: (problem: string) => Error;
  readonly #limits: TarLimits;
  /** What has come and was not taken yet: each with how much of it was. */
  #piece: Uint8Array = Buffer.alloc(0);
  #at = 0;
  /** Bytes that were taken of the archive. */
  #offset = 0;
  /** Bytes of the present body that were not taken yet, and of what fills it up. */
  #left = 0;
  #padding = 0;
  #entries = 0;
  #isEnded = false;

  /** @param unfit makes the error of what is wrong with it, which stands behind "…: " */
  constructor(
    source: AsyncIterable<Uint8Array>,
    { unfit, limits }: { readonly unfit: (problem: string) => Error; readonly limits: TarLimits },
  ) {
    this.#source = source[Symbol.asyncIterator]();
    this.#unfit = unfit;
    this.#limits = limits;
  }

  /** The next entry, once what is left of the last one is passed over; undefined at the end, which is whole. */
  async next(): Promise<TarEntry | undefined> {
    if (this.#isEnded) return undefined;
    await this.#pass();
    let pax: PaxRecords | undefined;
    for (;;) {
      const block = await this.#take(TAR_BLOCK);
      if (isZeroBlock(block)) {
        if (pax !== undefined) this.#fail(CUT_OFF);
        await this.#readEnd();
        return undefined;
      }
      const header = readTarHeader(block, (problem) => this.#fail(problem));
      if ((this.#entries += 1) > 2 * this.#limits.entries) this.#fail('it has too many entries');
      if (header.kind !== 'pax') return this.#entry(header, pax ?? new Map<string, string>());
      if (pax !== undefined || header.size > LARGEST_PAX) {
        this.#fail('an extended header of it is too large');
      }
      this.#begin(header.size);
      pax = readPaxText(await this.body(header.size), (problem) => this.#fail(problem));
      await this.#pass();
    }
  }

  /** All that is left of the present entry's body. @param most a larger one is refused unread */
  async body(most: number): Promise<Buffer> {
    if (this.#left > most) this.#fail(`an entry of it has more than ${most} bytes`);
    const data = await this.#take(this.#left);
    this.#left = 0;
    return data;
  }

  /** The same piece by piece, for what is too large for the memory; it has to be read to its end. */
  async *pieces(): AsyncGenerator<Uint8Array, void> {
    while (this.#left > 0) {
      const there = this.#piece.subarray(this.#at, this.#at + this.#left);
      if (there.length === 0) {
        if (!(await this.#fetch())) this.#fail(CUT_OFF);
        continue;
      }
      this.#at += there.length;
      this.#offset += there.length;
      this.#left -= there.length;
      yield there;
    }
  }

  /** Lets the source know that nothing more is wanted. */
  async close(): Promise<void> {
    this.#isEnded = true;
    await this.#source.return?.();
  }

  #entry({ name, size, kind }: TarHeader, pax: PaxRecords): TarEntry {
    for (const [key, said] of [
      ['path', name],
      ['size', String(size)],
    ] as const) {
      if ((pax.get(key) ?? said) !== said) {
        this.#fail(`two headers of ${JSON.stringify(name)} differ in its ${key}`);
      }
    }
    const strange = [...pax.keys()].find((key) => /^(?:linkpath$|GNU\.sparse|SUN\.)/.test(key));
    if (strange !== undefined) this.#fail(`its entry ${JSON.stringify(name)} has a ${strange}`);
    if (kind === 'folder' && size > 0) this.#fail('a folder of it has a size');
    this.#begin(size);
    return { name, kind: kind === 'folder' ? 'folder' : 'file', size, offset: this.#offset, pax };
  }

  #begin(size: number): void {
    this.#left = size;
    this.#padding = -size & (TAR_BLOCK - 1);
  }

  /** The second block of zeros, and what fills up the last record. */
  async #readEnd(): Promise<void> {
    if (!isZeroBlock(await this.#take(TAR_BLOCK))) this.#fail('it has something behind its end');
    this.#isEnded = true;
    let length = 0;
    for (;;) {
      const rest = this.#piece.subarray(this.#at);
      length += rest.length;
      if (length > LONGEST_END || rest.some((byte) => byte !== 0)) {
        this.#fail('it has something behind its end');
      }
      if (!(await this.#fetch())) return;
    }
  }

  async #pass(): Promise<void> {
    let left = this.#left + this.#padding;
    this.#left = 0;
    this.#padding = 0;
    while (left > 0) {
      const there = this.#piece.length - this.#at;
      if (there === 0) {
        if (!(await this.#fetch())) this.#fail(CUT_OFF);
        continue;
      }
      const count = Math.min(there, left);
      this.#at += count;
      this.#offset += count;
      left -= count;
    }
  }

  async #take(length: number): Promise<Buffer> {
    const data = Buffer.allocUnsafe(length);
    for (let filled = 0; filled < length;) {
      const there = this.#piece.subarray(this.#at, this.#at + length - filled);
      if (there.length === 0) {
        if (!(await this.#fetch()))
          this.#fail(this.#offset === 0 && filled === 0 ? 'it is empty' : CUT_OFF);
        continue;
      }
      data.set(there, filled);
      filled += there.length;
      this.#at += there.length;
      this.#offset += there.length;
    }
    return data;
  }

  /** False at the end of the stream. */
  async #fetch(): Promise<boolean> {
    const next = await this.#source.next();
    if (next.done === true) return false;
    this.#piece = next.value;
    this.#at = 0;
    return true;
  }

  #fail(problem: string): never {
    throw this.#unfit(problem);
  }
}
