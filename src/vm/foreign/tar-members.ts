import { randomUUID } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { throwIfAborted } from '../../abort.js';
import { fromSystemError } from '../../errors.js';
import { partsWithData } from '../../files/parts-with-data.js';
import { indexTar, type TarMember } from '../../files/tar/tar-index.js';
import type { Work } from '../../work.js';
import { requireSpace } from '../disks/free-space.js';
import { artifactInvalid } from '../travel/artifact-error.js';
import type { Members } from './members.js';

const MOST_ENTRIES = 12_000;
/** `docker save` names a layer by its own id, too. */
const SECOND_NAME_OF_LAYER = /^[0-9a-f]{64}\/layer\.tar$/;
const PIECE = 1024 ** 2;

/** Where an archive lies, and where what is taken out of it goes. */
export interface TarMembersRequest {
  readonly path: string;
  readonly origin: string;
  /** A folder in staging. Files in it get names of ours. */
  readonly folder: string;
  readonly work: Work;
}

/** The files of a tar archive, which are taken out one by one, when they are wanted. */
export class TarMembers implements Members, AsyncDisposable {
  readonly origin: string;
  readonly #handle: FileHandle;
  readonly #members: ReadonlyMap<string, TarMember>;
  readonly #request: TarMembersRequest;
  readonly #taken = new Map<string, string>();

  private constructor(
    request: TarMembersRequest,
    handle: FileHandle,
    members: readonly TarMember[],
  ) {
    this.origin = request.origin;
    this.#request = request;
    this.#handle = handle;
    this.#members = new Map(members.map((member) => [member.name, member]));
  }

  /** @throws MultipassError ARTIFACT_INVALID for what is no whole archive, or has what no archive of a machine has */
  static async open(request: TarMembersRequest): Promise<TarMembers> {
    const { path, origin } = request;
    try {
      const handle = await open(path, 'r');
      try {
        const { size } = await handle.stat();
        const unfit = (problem: string): Error => artifactInvalid(origin, problem);
        const mayLink = (name: string): boolean => SECOND_NAME_OF_LAYER.test(name);
        const members = await indexTar({ handle, size, unfit, most: MOST_ENTRIES, mayLink });
        return new TarMembers(request, handle, members);
      } catch (error) {
        await handle.close();
        throw error;
      }
    } catch (error) {
      throw fromSystemError(error, 'read the archive', origin);
    }
  }

  get names(): ReadonlySet<string> {
    return new Set(this.#members.keys());
  }

  size(name: string): number {
    return this.#find(name).size;
  }

  async read(name: string, most: number): Promise<Buffer> {
    const { size, parts } = this.#find(name);
    if (size > most)
      throw artifactInvalid(this.origin, `its "${name}" has more than ${most} bytes`);
    const data = Buffer.alloc(size);
    for (const { offset, length, at } of parts) await this.#fill(data, { offset, length, at });
    return data;
  }

  async path(name: string): Promise<string> {
    const known = this.#taken.get(name);
    if (known !== undefined) return known;
    const { size, parts } = this.#find(name);
    const target = join(this.#request.folder, `member-${randomUUID()}`);
    const total = parts.reduce((sum, { length }) => sum + length, 0);
    await requireSpace(target, total);
    this.#request.work.begin('extracting');
    try {
      await using file = await open(target, 'wx', 0o600);
      let done = 0;
      for (const { offset, length, at } of parts) {
        for (let from = 0; from < length; from += PIECE) {
          throwIfAborted(this.#request.work.signal);
          const piece = Buffer.alloc(Math.min(PIECE, length - from));
          await this.#fill(piece, { offset: 0, length: piece.length, at: at + from });
          for (const [start, end] of partsWithData(piece)) {
            await file.write(piece, start, end - start, offset + from + start);
          }
          done += piece.length;
          this.#request.work.advance(done / Math.max(1, total));
        }
      }
      await file.truncate(size);
    } catch (error) {
      throw fromSystemError(error, 'take a disk out of the archive', target);
    }
    this.#taken.set(name, target);
    return target;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  #find(name: string): TarMember {
    const found = this.#members.get(name);
    if (found !== undefined) return found;
    throw artifactInvalid(this.origin, `it has no "${name}"`);
  }

  async #fill(
    data: Buffer,
    {
      offset,
      length,
      at,
    }: { readonly offset: number; readonly length: number; readonly at: number },
  ): Promise<void> {
    for (let done = 0; done < length;) {
      const { bytesRead } = await this.#handle.read(data, offset + done, length - done, at + done);
      if (bytesRead === 0) throw artifactInvalid(this.origin, 'it is cut off');
      done += bytesRead;
    }
  }
}
