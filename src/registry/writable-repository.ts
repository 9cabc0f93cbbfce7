import { sleep } from '../abort.js';
import { hasCode } from '../errors.js';
import { digestOf, isDigest, type Digest } from '../files/digest.js';
import { whereTo, type HttpAnswer } from '../http/request.js';
import { RegistryConnection, type RegistryOptions } from './registry-connection.js';
import { problemsOf, registryFailed, statusText } from './registry-error.js';
import { Repository, type BlobRef } from './repository.js';
import { withRetries } from './retry.js';

/** A blob that is too large for the memory: whoever sends it reads it piece by piece, perhaps more than once. */
export interface LongBlob extends BlobRef {
  readonly read: (offset: number, length: number) => Promise<Buffer>;
}

/** What of a long blob is sent at a time. */
const PIECE = 16 * 1024 ** 2;
const MOST_STUMBLES = 5;
const OCTETS = { 'content-type': 'application/octet-stream' };

/**
 * A repository that is written to. What is written is not there for anybody until a manifest names it, and
 * {@link WritableRepository.publish} makes it a tag's in one step.
 */
export class WritableRepository extends Repository {
  readonly #options: RegistryOptions;
  /** Repositories of the same registry that blobs are taken over from. */
  readonly #origins: readonly string[];

  private constructor(
    connection: RegistryConnection,
    name: string,
    { options, origins }: { options: RegistryOptions; origins: readonly string[] },
  ) {
    super(connection, name);
    this.#options = options;
    this.#origins = origins;
  }

  /**
   * @param origins repositories of the same registry that blobs may be taken over from
   * @throws MultipassError REGISTRY_FAILED, REGISTRY_DENIED, ABORTED
   */
  static async openToWrite(
    host: string,
    name: string,
    { options, origins = [] }: { options: RegistryOptions; origins?: readonly string[] },
  ): Promise<WritableRepository> {
    const connection = new RegistryConnection(host, name, options);
    const repository = new WritableRepository(connection, name, { options, origins });
    await connection.greet(repository.scopes);
    return repository;
  }

  /** A token for taking over from another repository has to be good for both. */
  protected override get scopes(): readonly string[] {
    return [
      `repository:${this.name}:pull,push`,
      ...this.#origins.filter((one) => one !== this.name).map((one) => `repository:${one}:pull`),
    ];
  }

  /** Whether a blob is there. */
  async has(digest: Digest): Promise<boolean> {
    const answer = await this.ask({ at: `${this.name}/blobs/${digest}`, method: 'HEAD' });
    answer.cancel();
    if (answer.status === 200) return true;
    await this.require(answer, [404], 'HEAD');
    return false;
  }

  /** Whether there is something by a tag. It may be there a moment later. */
  async hasManifest(tag: string): Promise<boolean> {
    const found = await this.manifest(tag);
    return found !== undefined;
  }

  /**
   * Has the registry take a blob over from another repository of its own.
   * @returns false where it does not: the blob has to be sent then
   */
  async mount(digest: Digest, from: string): Promise<boolean> {
    const query = `mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from)}`;
    const at = `${this.name}/blobs/uploads/?${query}`;
    try {
      const headers = { 'content-length': '0' };
      const answer = await this.ask({ at, method: 'POST', headers });
      answer.cancel();
      // 202: it has begun an upload in its place, which it forgets when nothing comes.
      return answer.status === 201;
    } catch (error) {
      // Whoever may not read the other one may still write to this one.
      if (hasCode(error, 'REGISTRY_DENIED')) return false;
      throw error;
    }
  }

  /**
   * Sends a blob in one piece.
   * @throws MultipassError REGISTRY_FAILED, REGISTRY_DENIED, ABORTED
   */
  async upload(data: Buffer, digest: Digest): Promise<void> {
    const send = async (): Promise<HttpAnswer> => {
      const { url, most } = await this.#begin();
      // An upload that was cut is in nobody knows which state: the next try is a new one.
      return await this.ask({
        at: withDigest(url, digest),
        method: 'PUT',
        headers: OCTETS,
        body: data,
        most,
        isRepeatable: false,
      });
    };
    const answer = await withRetries(send, this.#options);
    await this.require(answer, [201, 204], 'PUT');
    answer.cancel();
  }

  /**
   * Sends a long blob in pieces, and goes on where it was cut.
   * @param advance is told how many bytes were sent
   * @throws MultipassError REGISTRY_FAILED, REGISTRY_DENIED, ABORTED; what reading throws
   */
  async uploadLong(blob: LongBlob, advance: (bytes: number) => void): Promise<void> {
    let place = await this.#begin();
    let at = 0;
    for (let stumbles = 0; at < blob.size;) {
      const body = await blob.read(at, Math.min(PIECE, blob.size - at));
      const range = `${at}-${at + body.length - 1}`;
      const headers = { ...OCTETS, 'content-range': range };
      const sent = await this.ask({
        at: place.url,
        method: 'PATCH',
        headers,
        body,
        most: place.most,
        isRepeatable: false,
      }).catch((error: unknown) => {
        if ((stumbles += 1) > MOST_STUMBLES) throw error;
        return undefined;
      });
      sent?.cancel();
      if (sent?.status === 202 || sent?.status === 201) {
        at += body.length;
        place = this.#next(sent) ?? place;
      } else {
        if (sent !== undefined && (stumbles += 1) > MOST_STUMBLES) {
          await this.require(sent, [202], 'PATCH');
        }
        await sleep((this.#options.retryMs ?? 500) * 2 ** stumbles, this.#options.signal);
        // Where is it? What it does not know any more is begun anew.
        const there = await this.#whereIs(place);
        if (there === undefined) place = await this.#begin();
        else place = there.place;
        at = there?.at ?? 0;
      }
      advance(at);
    }
    const end = { at: withDigest(place.url, blob.digest), most: place.most, isRepeatable: false };
    const answer = await this.ask({
      ...end,
      method: 'PUT',
      headers: OCTETS,
      body: Buffer.alloc(0),
    });
    await this.require(answer, [201, 204], 'PUT');
    answer.cancel();
  }

  /**
   * Puts a manifest in the place of whatever a tag names, in one step; or by its digest, where nothing names it but
   * others.
   * @returns the blobs that are not there, where that is why it is not taken; none: it is there
   * @throws MultipassError REGISTRY_FAILED, REGISTRY_DENIED, ABORTED
   */
  async publish(tagOrDigest: string, mediaType: string, data: Buffer): Promise<Digest[]> {
    const answer = await this.ask({
      at: `${this.name}/manifests/${tagOrDigest}`,
      method: 'PUT',
      headers: { 'content-type': mediaType },
      body: data,
    });
    if (answer.status === 201 || answer.status === 200) {
      answer.cancel();
      const said = answer.header('docker-content-digest') ?? digestOf(data);
      if (said === digestOf(data)) return [];
      throw registryFailed(this.host, `it took the manifest for ${said}, which it is not`);
    }
    if (answer.status !== 400 && answer.status !== 404) await this.require(answer, [201], 'PUT');
    const problems = await problemsOf(answer);
    const missing = problems
      .filter(({ code }) => code === 'MANIFEST_BLOB_UNKNOWN' || code === 'BLOB_UNKNOWN')
      .flatMap(({ detail }) => digestsIn(detail));
    if (missing.length > 0) return missing;
    const what = `PUT ${answer.url.pathname}`;
    throw registryFailed(this.host, `${what}: ${statusText(answer, problems)}`);
  }

  async #begin(): Promise<UploadPlace> {
    const answer = await this.ask({
      at: `${this.name}/blobs/uploads/`,
      method: 'POST',
      headers: { 'content-length': '0' },
    });
    await this.require(answer, [202], 'POST');
    answer.cancel();
    const place = this.#next(answer);
    if (place !== undefined) return place;
    throw registryFailed(this.host, 'it says not where an upload goes');
  }

  async #whereIs(place: UploadPlace): Promise<{ place: UploadPlace; at: number } | undefined> {
    const answer = await this.ask({ at: place.url, most: place.most });
    answer.cancel();
    const end = /^(?:bytes=)?0-(\d{1,15})$/.exec(answer.header('range') ?? '')?.[1];
    if (answer.status !== 204 && answer.status !== 200) return undefined;
    // Nothing is told as 0-0, and so is one byte.
    const at = end === undefined || end === '0' ? undefined : Number(end) + 1;
    return at === undefined ? undefined : { place: this.#next(answer) ?? place, at };
  }

  #next(answer: HttpAnswer): UploadPlace | undefined {
    const location = answer.header('location');
    if (location === null) return undefined;
    return { url: whereTo(answer.url, location), most: answer.reach };
  }
}

/** Where an upload goes on. */
interface UploadPlace {
  readonly url: URL;
  readonly most: HttpAnswer['reach'];
}

/** The query that is there already stays as it is written. */
function withDigest(url: URL, digest: Digest): URL {
  const to = new URL(url);
  to.search += `${to.search === '' ? '?' : '&'}digest=${encodeURIComponent(digest)}`;
  return to;
}

/** Digests in what a registry says beside an error, in whichever form. */
function digestsIn(detail: unknown): Digest[] {
  const values =
    typeof detail === 'string'
      ? [detail]
      : Object.values((detail ?? {}) as Record<string, unknown>);
  return values.filter((one): one is Digest => typeof one === 'string' && isDigest(one));
}
