import { open, type FileHandle } from 'node:fs/promises';
import { fromSystemError, hasCode, MultipassError } from '../../errors.js';
import { partsWithData } from '../../files/parts-with-data.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import type { Work } from '../../work.js';
import { artifactInvalid } from './artifact-error.js';
import type { ArrivedChunk, ArtifactSource } from './artifact-source.js';
import { decompress } from './compression.js';
import { digestOf, digestOfFile, FileDigest, type Digest } from '../../files/digest.js';
import { InTurn } from './in-turn.js';
import type { Chunk, ChunkPlace, TravelManifest } from './manifest.js';
import { chunksByFile, sameChunk } from './chunk-order.js';
import type { TravelFile } from './travel-config.js';

/** Where the files of an artifact are put together. */
export interface AssemblyRequest {
  /** The staged folder. */
  readonly dir: InstanceDir;
  /** Those whose content travels. */
  readonly files: readonly TravelFile[];
  readonly origin: string;
  readonly work: Work;
}

/** A file in the making. */
interface OpenedFile {
  readonly size: number;
  readonly path: string;
  readonly handle: FileHandle;
  readonly digest: FileDigest;
}

/**
 * Puts the files of an artifact together in a folder that nobody sees. Chunks are taken as they come, by what they say
 * of themselves; the manifest decides in the end whether that was right, and what is missing then is fetched. Every
 * blob, every chunk and every file has to have the digest that it is said to have.
 */
export class Assembly implements AsyncDisposable {
  readonly #request: AssemblyRequest;
  readonly #files = new Map<string, OpenedFile>();
  /** What is in its place, by file and offset. */
  readonly #placed = new Map<string, Chunk>();
  readonly #turn: InTurn<{ chunk: Chunk; plain: Buffer }>;
  #written = 0;

  private constructor(request: AssemblyRequest) {
    this.#request = request;
    this.#turn = new InTurn(async ({ chunk, plain }) => this.#put(chunk, plain));
  }

  /** Makes the files, empty. Dispose of the result. @throws MultipassError DISK_FULL, IO_ERROR, … */
  static async begin(request: AssemblyRequest): Promise<Assembly> {
    const assembly = new Assembly(request);
    try {
      for (const { name, size } of request.files) {
        const path = request.dir.file(name);
        const handle = await open(path, 'wx+', 0o600);
        assembly.#files.set(name, { size, path, handle, digest: new FileDigest() });
        await handle.truncate(size);
      }
    } catch (error) {
      await assembly[Symbol.asyncDispose]();
      throw fromSystemError(error, 'make the disk', request.dir.path);
    }
    return assembly;
  }

  /** Bytes of the files that were written: holes are none. */
  get written(): number {
    return this.#written;
  }

  /** Takes a chunk that came by itself. @throws MultipassError ARTIFACT_INVALID, TOOL_MISSING, DISK_FULL, ABORTED */
  async add({ place, digest, data }: ArrivedChunk): Promise<void> {
    this.#requirePlace(place);
    await this.#turn.add(this.#unpack(place, { digest, data }));
  }

  /**
   * Makes the files what the manifest says, and checks that they are.
   * @throws MultipassError ARTIFACT_INVALID; as {@link add}
   */
  async complete(manifest: TravelManifest, source: ArtifactSource): Promise<void> {
    await this.#turn.end();
    const chunks = chunksByFile(manifest.chunks, {
      files: this.#request.files,
      fail: (problem) => this.#fail(problem),
    });
    const unnamed = new Set(this.#placed.keys());
    const total = Math.max(
      1,
      chunks.reduce((sum, { size }) => sum + size, 0),
    );
    let done = [...this.#placed.values()].reduce((sum, { size }) => sum + size, 0);
    for (const chunk of chunks) {
      this.#request.work.throwIfAborted();
      const key = keyOf(chunk);
      const there = this.#placed.get(key);
      unnamed.delete(key);
      if (there === undefined) {
        await this.#turn.add(this.#fetch(chunk, source));
        this.#request.work.advance(Math.min(1, (done += chunk.size) / total));
      } else if (!sameChunk(there, chunk))
        this.#fail('a chunk of it is not what its manifest says');
    }
    await this.#turn.end();
    if (unnamed.size > 0) this.#fail('it has chunks that its manifest does not name');
    for (const [name, file] of this.#files) await this.#requireDigest(name, file, manifest);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turn.settle();
    for (const { handle } of this.#files.values()) await handle.close().catch(() => undefined);
  }

  /** One chunk may be in several places; then it came once. */
  async #fetch(chunk: Chunk, source: ArtifactSource): Promise<{ chunk: Chunk; plain: Buffer }> {
    const twin = [...this.#placed.values()].find(({ digest }) => digest === chunk.digest);
    if (twin?.size === chunk.size && twin.content === chunk.content) {
      const plain = Buffer.alloc(twin.size);
      await this.#files.get(twin.file)?.handle.read(plain, 0, twin.size, twin.offset);
      if (digestOf(plain) === chunk.content) return { chunk, plain };
    }
    const data = await source.blob({ digest: chunk.digest, size: chunk.packed });
    const unpacked = await this.#unpack(chunk, { digest: chunk.digest, data });
    if (!sameChunk(unpacked.chunk, chunk)) this.#fail(`its chunk ${chunk.digest} is damaged`);
    return unpacked;
  }

  async #unpack(
    place: ChunkPlace,
    { digest, data }: { readonly digest: Digest; readonly data: Buffer },
  ): Promise<{ chunk: Chunk; plain: Buffer }> {
    if (digestOf(data) !== digest) this.#fail(`its blob ${digest} is damaged`);
    const plain = await this.#plain(place, data);
    const { file, offset, size, compression } = place;
    const content = digestOf(plain);
    const chunk = { file, offset, size, compression, digest, packed: data.length, content };
    return { chunk, plain };
  }

  async #plain({ compression, size }: ChunkPlace, data: Buffer): Promise<Buffer> {
    try {
      return await decompress(compression, data, size);
    } catch (error) {
      if (hasCode(error, 'TOOL_MISSING', 'ABORTED')) throw error;
      return this.#fail(`a chunk of it is no ${compression} of ${size} bytes`);
    }
  }

  async #put(chunk: Chunk, plain: Buffer): Promise<void> {
    this.#request.work.throwIfAborted();
    const file = this.#requirePlace(chunk);
    const key = keyOf(chunk);
    if (this.#placed.has(key)) this.#fail('two chunks of it are for one place');
    this.#placed.set(key, chunk);
    try {
      for (const [start, end] of partsWithData(plain)) {
        for (let at = start; at < end;) {
          const { bytesWritten } = await file.handle.write(plain, at, end - at, chunk.offset + at);
          at += bytesWritten;
          this.#written += bytesWritten;
        }
      }
    } catch (error) {
      throw fromSystemError(error, 'write the disk', file.path);
    }
    file.digest.add(chunk.offset, plain);
  }

  /** Nothing is written anywhere but in the files that the config names, and within their size. */
  #requirePlace({ file: name, offset, size }: ChunkPlace): OpenedFile {
    const file = this.#files.get(name);
    if (file === undefined) return this.#fail(`a chunk of it is for ${JSON.stringify(name)}`);
    if (offset + size > file.size) this.#fail(`a chunk of it is beyond the end of "${name}"`);
    return file;
  }

  async #requireDigest(name: string, file: OpenedFile, manifest: TravelManifest): Promise<void> {
    const wanted = manifest.files.get(name);
    const found =
      file.digest.end(file.size) ?? (await digestOfFile(file.path, this.#request.work.signal));
    if (wanted !== found) this.#fail(`"${name}" of it is not what its manifest says`);
  }

  #fail(problem: string): never {
    throw artifactInvalid(this.#request.origin, problem);
  }
}

function keyOf({ file, offset }: ChunkPlace): string {
  return `${offset}:${file}`;
}

/** The error of an artifact that leaves out a base which is not here. */
export function baseNotFound(origin: string, { name, kept }: TravelFile): MultipassError {
  return new MultipassError(
    'BASE_NOT_FOUND',
    `"${origin}" leaves out its "${name}", and no base here has its content (${kept ?? ''})`,
    {
      hint: 'Export it without `--keep-base`, or import first what stands on the same base.',
      details: { origin, base: name, digest: kept },
    },
  );
}
