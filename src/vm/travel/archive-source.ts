import type { FileHandle } from 'node:fs/promises';
import { TarReader, type TarEntry } from '../../files/tar/tar-reader.js';
import { artifactInvalid } from './artifact-error.js';
import type { ArrivedChunk, ArtifactSource } from './artifact-source.js';
import { isConfigHint, readChunkHint } from './chunk-hint.js';
import { digestOf, isDigest, type Digest } from '../../files/digest.js';
import { LARGEST_BLOB, LARGEST_MANIFEST, type BlobPlace } from './manifest.js';
import { LARGEST_CONFIG } from './travel-config.js';

/** What may be in an archive besides blobs; nothing else is. */
const LAYOUT = 'oci-layout';
const INDEX = 'index.json';
const FOLDERS = new Set(['blobs', 'blobs/', 'blobs/sha256', 'blobs/sha256/']);
const BLOB = /^blobs\/(sha256)\/([0-9a-f]{64})$/;
const MOST_ENTRIES = 12_000;
/** What is kept of a stream in memory because it does not say what it is: a config, a manifest. */
const MOST_KEPT = 16 * 1024 ** 2;

const NO_ARCHIVE =
  'Give what `multipass export` writes, as it is. A disk is launched: `multipass launch file:///…`.';

/** An archive: an OCI image layout in a tar. */
export class ArchiveSource implements ArtifactSource {
  readonly origin: string;
  readonly #tar: TarReader;
  /** Of a regular file, whose blobs can be gone back to. */
  readonly #file: FileHandle | undefined;
  readonly #names = new Set<string>();
  /** Blobs that did not say what they are: in a file where they are, of a stream themselves. */
  readonly #blobs = new Map<
    Digest,
    { readonly offset: number; readonly size: number; readonly data?: Buffer }
  >();
  #kept = 0;
  #index: Buffer | undefined;
  /** Before it has come nobody knows what chunks are of: they are blobs like others. */
  #hasConfig = false;

  constructor(
    bytes: AsyncIterable<Uint8Array>,
    { origin, file }: { readonly origin: string; readonly file?: FileHandle | undefined },
  ) {
    this.origin = origin;
    this.#file = file;
    const unfit = (problem: string): Error =>
      artifactInvalid(origin, problem, problem.startsWith('it is no tar') ? NO_ARCHIVE : undefined);
    this.#tar = new TarReader(bytes, { unfit, limits: { entries: MOST_ENTRIES } });
  }

  async config(): Promise<Buffer | undefined> {
    for (let next = await this.#next(); next !== undefined; next = await this.#next()) {
      if (next instanceof Buffer) return next;
    }
    return undefined;
  }

  async *chunks(): AsyncGenerator<ArrivedChunk, void> {
    for (let next = await this.#next(); next !== undefined; next = await this.#next()) {
      if ('place' in next) yield next;
    }
  }

  async index(): Promise<Buffer> {
    return await Promise.resolve(this.#index ?? this.#fail('it has no index.json'));
  }

  async blob({ digest, size }: BlobPlace): Promise<Buffer> {
    const found = this.#blobs.get(digest);
    if (found === undefined) return this.#fail(`it has not the blob ${digest}`);
    if (found.size !== size) return this.#fail(`its blob ${digest} is of another size`);
    const data = found.data ?? (await this.#read(found));
    return digestOf(data) === digest ? data : this.#fail(`its blob ${digest} is damaged`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tar.close();
    await this.#file?.close();
  }

  /** The next thing that says what it is; undefined at the end. */
  async #next(): Promise<Buffer | ArrivedChunk | undefined> {
    for (;;) {
      const entry = await this.#tar.next();
      if (entry === undefined) return undefined;
      this.#requireNew(entry.name);
      const found = await this.#look(entry);
      if (found !== undefined) return found;
    }
  }

  async #look(entry: TarEntry): Promise<Buffer | ArrivedChunk | undefined> {
    const { name, kind, size, offset, pax } = entry;
    if (kind === 'folder') {
      if (!FOLDERS.has(name)) this.#fail(`it has a folder ${JSON.stringify(name)}`);
      return undefined;
    }
    if (name === LAYOUT) {
      requireLayout(await this.#tar.body(1024), (problem) => this.#fail(problem));
      return undefined;
    }
    if (name === INDEX) {
      this.#index = await this.#tar.body(LARGEST_MANIFEST);
      return undefined;
    }
    const [, algorithm, hex] = BLOB.exec(name) ?? [];
    const digest = `${algorithm ?? ''}:${hex ?? ''}`;
    if (!isDigest(digest)) return this.#fail(`it has a file ${JSON.stringify(name)}`);
    if (isConfigHint(pax)) {
      const data = await this.#tar.body(LARGEST_CONFIG);
      if (digestOf(data) !== digest) this.#fail('its config is damaged');
      if (this.#hasConfig) this.#fail('it has two configs');
      this.#hasConfig = true;
      this.#blobs.set(digest, { offset, size, data });
      return data;
    }
    const place = readChunkHint(pax);
    if (place !== undefined && this.#hasConfig) {
      return { place, digest, data: await this.#tar.body(LARGEST_BLOB) };
    }
    if (this.#file !== undefined) this.#blobs.set(digest, { offset, size });
    else {
      if ((this.#kept += size) > MOST_KEPT) this.#fail(WRONG_ORDER, GIVE_A_FILE);
      this.#blobs.set(digest, { offset, size, data: await this.#tar.body(MOST_KEPT) });
    }
    return undefined;
  }

  #requireNew(name: string): void {
    if (this.#names.has(name)) this.#fail(`it has two entries ${JSON.stringify(name)}`);
    this.#names.add(name);
  }

  async #read({
    offset,
    size,
  }: {
    readonly offset: number;
    readonly size: number;
  }): Promise<Buffer> {
    if (this.#file === undefined || size > LARGEST_BLOB) return this.#fail('a blob is too large');
    const data = Buffer.allocUnsafe(size);
    const { bytesRead } = await this.#file.read(data, 0, size, offset);
    return bytesRead === size ? data : this.#fail('it is cut off');
  }

  #fail(problem: string, hint?: string): never {
    throw artifactInvalid(this.origin, problem, hint);
  }
}

const WRONG_ORDER = 'its chunks come without a word where they go, which a stream cannot have';
const GIVE_A_FILE = 'Write it to a file first, and import that.';

function requireLayout(data: Buffer, fail: (problem: string) => never): void {
  const version = /^\s*\{\s*"imageLayoutVersion"\s*:\s*"1\.\d+\.\d+"\s*\}\s*$/;
  if (!version.test(data.toString('utf8'))) fail('it is of a layout that is not known');
}
