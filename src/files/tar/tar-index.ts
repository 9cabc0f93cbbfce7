import type { FileHandle } from 'node:fs/promises';
import {
  readForeignHeader,
  readSparseParts,
  realSizeOf,
  type ForeignHeader,
  type SparsePart,
} from './foreign-header.js';
import { readPaxText } from './pax-records.js';
import { isZeroBlock, TAR_BLOCK } from './tar-header.js';

/** A file of an archive, and where its bytes are. */
export interface TarMember {
  /** As it stands in the archive, without `./` before it. */
  readonly name: string;
  /** Bytes of it, holes included. */
  readonly size: number;
  /** What of it is in the archive, in order; the rest is holes. */
  readonly parts: readonly (SparsePart & {
    /** In the archive. */
    readonly at: number;
  })[];
}

/** What an index is made from. */
export interface TarIndexRequest {
  readonly handle: FileHandle;
  /** Of the archive, in bytes. */
  readonly size: number;
  /** Makes the error of what is wrong with it, which stands behind "…: ". */
  readonly unfit: (problem: string) => Error;
  /** How many entries it may have. */
  readonly most: number;
  /** Which symbolic links are passed over, by their names; all others are refused. Default: none. */
  readonly mayLink?: ((name: string) => boolean) | undefined;
}

const LARGEST_FACTS = 64 * 1024;
const LONGEST_NAME = 255;
const MOST_PARTS = 100_000;
const CUT_OFF = 'it is cut off';

/**
 * Lists the files of an archive that lies in a file, by its headers alone, as GNU tar, bsdtar, Go or Python write
 * them. Nothing of it is ever made a path of the host: names are only compared. Names that lead out of a folder, names
 * that are there twice, links, devices and whatever is not known are refused, as is an archive without an end.
 * @throws what `unfit` makes; the system's own error
 */
export async function indexTar(request: TarIndexRequest): Promise<TarMember[]> {
  return await new TarIndexer(request).run();
}

class TarIndexer {
  readonly #request: TarIndexRequest;
  #at = 0;
  readonly #members = new Map<string, TarMember>();

  constructor(request: TarIndexRequest) {
    this.#request = request;
  }

  async run(): Promise<TarMember[]> {
    let facts: ReadonlyMap<string, string> = new Map();
    let longName: string | undefined;
    for (let entries = 0; ; entries += 1) {
      if (entries > 3 * this.#request.most) this.#fail('it has too many entries');
      const block = await this.#read(this.#at, TAR_BLOCK);
      this.#at += TAR_BLOCK;
      if (isZeroBlock(block)) break;
      const header = readForeignHeader(block, (problem) => this.#fail(problem));
      if (header.kind === 'facts') {
        facts = readPaxText(await this.#facts(header), (problem) => this.#fail(problem));
      } else if (header.kind === 'long-name') {
        longName = (await this.#facts(header)).toString('utf8').replace(/\0[^]*$/, '');
      } else if (header.kind === 'global') this.#pass(header.size);
      else {
        await this.#add(header, block, { facts, longName });
        facts = new Map();
        longName = undefined;
      }
    }
    return [...this.#members.values()];
  }

  async #add(
    header: ForeignHeader,
    block: Buffer,
    {
      facts,
      longName,
    }: { readonly facts: ReadonlyMap<string, string>; readonly longName: string | undefined },
  ): Promise<void> {
    const strange = [...facts.keys()].find((key) => /^(?:linkpath$|GNU\.sparse|SUN\.)/.test(key));
    if (strange !== undefined) this.#fail(`an entry of it has a ${strange}, which is not read`);
    const name = this.#plainName(facts.get('path') ?? longName ?? header.name, header.kind);
    const size = this.#sizeOf(facts.get('size') ?? String(header.size));
    if (header.kind === 'link' && this.#request.mayLink?.(name) !== true) {
      this.#fail(`its entry ${JSON.stringify(name)} is a link`);
    }
    if (header.kind === 'folder' || header.kind === 'link') {
      if (size > 0) this.#fail(`its entry ${JSON.stringify(name)} has a size`);
      return;
    }
    const member =
      header.kind === 'sparse'
        ? await this.#sparse(name, block, size)
        : { name, size, parts: [{ offset: 0, length: size, at: this.#at }] };
    this.#pass(size);
    if (this.#members.has(name)) this.#fail(`it has two entries ${JSON.stringify(name)}`);
    if (this.#members.size >= this.#request.most) this.#fail('it has too many entries');
    this.#members.set(name, member);
  }

  async #sparse(name: string, block: Buffer, size: number): Promise<TarMember> {
    const fail = (problem: string): never => this.#fail(problem);
    const all: SparsePart[] = [];
    let { parts, goesOn } = readSparseParts(block, 'header', fail);
    all.push(...parts);
    while (goesOn) {
      ({ parts, goesOn } = readSparseParts(await this.#read(this.#at, TAR_BLOCK), 'block', fail));
      this.#at += TAR_BLOCK;
      all.push(...parts);
      if (all.length > MOST_PARTS) this.#fail('a file of it has too many holes');
    }
    const whole = realSizeOf(block) ?? this.#fail('a map of holes is damaged');
    let [end, at] = [0, this.#at];
    const placed = all.map(({ offset, length }) => {
      if (offset < end || offset + length > whole) this.#fail('a map of holes is damaged');
      end = offset + length;
      at += length;
      return { offset, length, at: at - length };
    });
    if (at !== this.#at + size) this.#fail('a map of holes is damaged');
    return { name, size: whole, parts: placed.filter(({ length }) => length > 0) };
  }

  /** A name that stays below the archive's own folder. */
  #plainName(given: string, kind: ForeignHeader['kind']): string {
    const parts = given.split('/').filter((part) => part !== '' && part !== '.');
    const name = parts.join('/');
    const isOdd = given.startsWith('/') || parts.includes('..') || /[\0\\]/.test(given);
    if (isOdd || (name === '' && kind !== 'folder')) {
      this.#fail(`it has an entry ${JSON.stringify(given)}, which leads out of it`);
    }
    if (Buffer.byteLength(name) > LONGEST_NAME) this.#fail('a name in it is too long');
    return name;
  }

  #sizeOf(text: string): number {
    const size = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
    return Number.isSafeInteger(size) ? size : this.#fail('the size of an entry is no number');
  }

  async #facts({ size }: ForeignHeader): Promise<Buffer> {
    if (size > LARGEST_FACTS) this.#fail('an extended header of it is too large');
    const data = await this.#read(this.#at, size);
    this.#pass(size);
    return data;
  }

  #pass(size: number): void {
    const end = this.#at + size;
    if (end > this.#request.size) this.#fail(CUT_OFF);
    this.#at = end + (-end & (TAR_BLOCK - 1));
  }

  async #read(at: number, length: number): Promise<Buffer> {
    if (at + length > this.#request.size) this.#fail(CUT_OFF);
    const data = Buffer.alloc(length);
    const { bytesRead } = await this.#request.handle.read(data, 0, length, at);
    return bytesRead === length ? data : this.#fail(CUT_OFF);
  }

  #fail(problem: string): never {
    throw this.#request.unfit(problem);
  }
}
