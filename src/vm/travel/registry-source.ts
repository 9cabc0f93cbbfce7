import { digestOf } from '../../files/digest.js';
import { formatReference, type Reference } from '../../registry/reference.js';
import { Repository } from '../../registry/repository.js';
import type { FetchedManifest } from '../../registry/repository.js';
import type { RegistryOptions } from '../../registry/registry-connection.js';
import { artifactInvalid } from './artifact-error.js';
import type { ArtifactSource } from './artifact-source.js';
import { indexOf } from './instance-manifest.js';
import { decodeIndex, type BlobPlace } from './manifest.js';
import { referenceNotFound } from '../registry-access.js';

/** An artifact in a registry. What is named by a tag is looked up once, and from then on it is a digest. */
export class RegistrySource implements ArtifactSource {
  readonly origin: string;
  /** What the reference named. */
  readonly named: FetchedManifest;
  readonly #repository: Repository;
  readonly #index: Buffer;

  private constructor(origin: string, repository: Repository, named: FetchedManifest) {
    this.origin = origin;
    this.named = named;
    this.#repository = repository;
    this.#index = indexOf(named);
  }

  /** @throws MultipassError REFERENCE_NOT_FOUND, REGISTRY_FAILED, REGISTRY_DENIED, ABORTED */
  static async open(reference: Reference, options: RegistryOptions): Promise<RegistrySource> {
    const { host, repository: name, tag, digest } = reference;
    const repository = await Repository.open(host, name, options);
    const named = await repository.manifest(digest ?? tag ?? '');
    if (named === undefined) throw referenceNotFound(reference);
    return new RegistrySource(formatReference(reference), repository, named);
  }

  async config(): Promise<undefined> {
    await Promise.resolve();
    return undefined;
  }

  async *chunks(): AsyncGenerator<never, void> {
    // What a registry has is asked for by name.
  }

  async index(): Promise<Buffer> {
    return await Promise.resolve(this.#index);
  }

  async blob({ digest, size }: BlobPlace): Promise<Buffer> {
    if (digest !== decodeIndex(this.#index, this.origin).digest) {
      return await this.#repository.blob({ digest, size });
    }
    const found =
      this.named.digest === digest ? this.named : await this.#repository.manifest(digest);
    if (found?.data.length === size && digestOf(found.data) === digest) return found.data;
    throw artifactInvalid(this.origin, `its manifest ${digest} is not there, or of another size`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing is open.
  }
}
