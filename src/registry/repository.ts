import { hasCode } from '../errors.js';
import { digestOf, isDigest, type Digest } from '../files/digest.js';
import type { HttpAnswer } from '../http/request.js';
import { MANIFEST_TYPES } from './media-types.js';
import { readBody, TooLong } from './read-body.js';
import {
  RegistryConnection,
  type RegistryOptions,
  type RegistryRequest,
} from './registry-connection.js';
import { problemsOf, registryFailed, statusText } from './registry-error.js';

/** A manifest as a registry sent it. */
export interface FetchedManifest {
  /** Of exactly these bytes. */
  readonly digest: Digest;
  readonly mediaType: string;
  readonly data: Buffer;
}

/** A blob, as manifests name it. */
export interface BlobRef {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/** Registries take no larger one. */
const LARGEST_MANIFEST = 4 * 1024 ** 2;
const MOST_TRIES = 3;

/** What is read of one repository of a registry. Nothing that it says is believed: digests and lengths are checked. */
export class Repository {
  readonly name: string;
  readonly #connection: RegistryConnection;

  protected constructor(connection: RegistryConnection, name: string) {
    this.#connection = connection;
    this.name = name;
  }

  /** @throws MultipassError REGISTRY_FAILED, REGISTRY_DENIED, ABORTED */
  static async open(host: string, name: string, options: RegistryOptions): Promise<Repository> {
    const repository = new Repository(new RegistryConnection(host, name, options), name);
    await repository.connection.greet(repository.scopes);
    return repository;
  }

  get host(): string {
    return this.#connection.host;
  }

  protected get connection(): RegistryConnection {
    return this.#connection;
  }

  /** What a token has to be good for. */
  protected get scopes(): readonly string[] {
    return [`repository:${this.name}:pull`];
  }

  /**
   * A manifest, by its tag or digest.
   * @returns undefined when there is none
   * @throws MultipassError REGISTRY_FAILED, also when it is not what the digest says; REGISTRY_DENIED, ABORTED
   */
  async manifest(tagOrDigest: string): Promise<FetchedManifest | undefined> {
    return await this.#insist(async () => {
      const answer = await this.ask({
        at: `${this.name}/manifests/${tagOrDigest}`,
        headers: { accept: MANIFEST_TYPES.join(', ') },
      });
      if (answer.status === 404) {
        answer.cancel();
        return { value: undefined };
      }
      await this.require(answer, [200], 'GET');
      const data = await readBody(answer, LARGEST_MANIFEST);
      const digest = digestOf(data);
      const said = answer.header('docker-content-digest');
      const wanted = isDigest(tagOrDigest) ? tagOrDigest : (said ?? digest);
      if (wanted !== digest) return `it sends another manifest than ${wanted}`;
      const [mediaType = ''] = (answer.header('content-type') ?? '').split(';');
      return { value: { digest, mediaType: mediaType.trim(), data } };
    });
  }

  /**
   * A blob, whole in memory; what the size says is the most that is taken.
   * @throws MultipassError REGISTRY_FAILED when it is not there, or not what its digest says; REGISTRY_DENIED, ABORTED
   */
  async blob({ digest, size }: BlobRef): Promise<Buffer> {
    return await this.#insist(async () => {
      const answer = await this.ask({ at: `${this.name}/blobs/${digest}` });
      await this.require(answer, [200], 'GET');
      const data = await readBody(answer, size);
      if (data.length === size && digestOf(data) === digest) return { value: data };
      return `it sends something else as ${digest}`;
    });
  }

  /**
   * The bytes of a blob from a place on, as they come; whether they are the right ones is for the taker to see.
   * @returns from where they are: the place, or 0 where the registry knows no ranges
   */
  async blobFrom(
    { digest, size }: BlobRef,
    start: number,
  ): Promise<{ start: number; pieces: AsyncGenerator<Uint8Array, void> }> {
    const headers: Record<string, string> = start === 0 ? {} : { range: `bytes=${start}-` };
    const answer = await this.ask({ at: `${this.name}/blobs/${digest}`, headers });
    await this.require(answer, start === 0 ? [200] : [200, 206], 'GET');
    const isPart = answer.status === 206;
    const range = new RegExp(`^bytes ${start}-${size - 1}/(?:${size}|\\*)$`);
    if (isPart && !range.test(answer.header('content-range') ?? '')) {
      answer.cancel();
      throw registryFailed(this.host, `it sends another part of ${digest} than was asked for`);
    }
    return { start: isPart ? start : 0, pieces: answer.body() };
  }

  protected async ask(
    wanted: Omit<RegistryRequest, 'scopes'> & Partial<Pick<RegistryRequest, 'scopes'>>,
  ): Promise<HttpAnswer> {
    return await this.#connection.ask({ scopes: this.scopes, ...wanted });
  }

  /** @throws MultipassError REGISTRY_DENIED, REGISTRY_FAILED for any other status; the answer is used up then */
  protected async require(
    answer: HttpAnswer,
    statuses: readonly number[],
    method: RegistryRequest['method'],
  ): Promise<void> {
    if (statuses.includes(answer.status)) return;
    const problems = await problemsOf(answer);
    if (answer.status === 403 || answer.status === 401) throw await this.#connection.denied(method);
    const what = `${method ?? 'GET'} ${answer.url.pathname}`;
    throw registryFailed(this.host, `${what}: ${statusText(answer, problems)}`);
  }

  /** What was cut off on its way, or came as something else, is asked for again. */
  async #insist<T>(fetch: () => Promise<string | { value: T }>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      let result: Awaited<ReturnType<typeof fetch>>;
      try {
        result = await fetch();
      } catch (error) {
        if (error instanceof TooLong) result = error.message;
        else if (hasCode(error, 'DOWNLOAD_FAILED')) result = 'the connection was cut';
        else throw error;
      }
      if (typeof result !== 'string') return result.value;
      if (tries >= MOST_TRIES) throw registryFailed(this.host, result);
    }
  }
}
