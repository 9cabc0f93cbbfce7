import { join } from 'node:path';
import { errnoOf, fromSystemError } from '../../errors.js';
import { readRegularFile } from '../../files/regular-file.js';
import { artifactInvalid } from './artifact-error.js';
import type { ArtifactSource } from './artifact-source.js';
import { digestOf, hexOf } from '../../files/digest.js';
import { LARGEST_MANIFEST, type BlobPlace } from './manifest.js';

/** An OCI image layout in a folder, as copying programs make it. */
export class FolderSource implements ArtifactSource {
  readonly origin: string;

  /** @param origin its path */
  constructor(origin: string) {
    this.origin = origin;
  }

  async config(): Promise<undefined> {
    await Promise.resolve();
    return undefined;
  }

  async *chunks(): AsyncGenerator<never, void> {
    // What a folder has is asked for by name.
  }

  async index(): Promise<Buffer> {
    return await Promise.resolve(this.#read('index.json', LARGEST_MANIFEST));
  }

  async blob({ digest, size }: BlobPlace): Promise<Buffer> {
    const data = this.#read(join('blobs', 'sha256', hexOf(digest)), size);
    if (data.length === size && digestOf(data) === digest) return await Promise.resolve(data);
    throw artifactInvalid(this.origin, `its blob ${digest} is damaged`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing is open.
  }

  #read(name: string, largest: number): Buffer {
    const path = join(this.origin, name);
    const unfit = (problem: string): Error =>
      artifactInvalid(this.origin, `its "${name}" is ${problem}`);
    try {
      return readRegularFile(path, { largest, unfit });
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') throw artifactInvalid(this.origin, `it has no ${name}`);
      throw fromSystemError(error, 'read', path);
    }
  }
}
