import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { streamArchitecture } from '../../src/vm/images/architecture.js';

/** A release that the server offers. */
export interface ServedRelease {
  /** The file of its disk, of any size and format. */
  readonly disk: string;
  /** Default: `24.04`, `noble`, `lts`, `default`. */
  readonly aliases?: readonly string[];
  /** Default: `24.04 LTS`. */
  readonly title?: string;
  /** Default: `20260518`. */
  readonly version?: string;
  readonly supported?: boolean;
  /** `release` or `daily`. Default: `release`. */
  readonly remote?: 'release' | 'daily';
}

/** What goes wrong with the files of images, until it is changed. Lists of images are always served well. */
export interface Faults {
  /** This status is the answer to everything but HEAD. */
  status?: number;
  /** The connection is cut after so many bytes of each answer, of which the client may lose the last … */
  cutAfter?: number;
  /** … but so many times only. */
  cuts?: number;
  /** So many bytes are sent, and then nothing any more, without an end. */
  stallAfter?: number;
  /** A pause before each 64 KiB, in milliseconds. */
  pauseMs?: number;
  /** `Range` is answered with the whole file. */
  ignoresRange?: boolean;
  /** HEAD is answered with 405. */
  refusesHead?: boolean;
  /** Neither ETag nor Last-Modified is sent. */
  hasNoValidators?: boolean;
}

/** A request as it came. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly range: string | null;
}

const PIECE = 64 * 1024;
const ROOTS = { release: '/releases/', daily: '/daily/' } as const;

/**
 * An image server on 127.0.0.1: `url` is what the mirror is set to. A disk is also to be had by a URL of its own
 * (`diskUrl`), as if it were of no remote.
 */
export class ImageServer {
  /** What went to it, in order. */
  readonly requests: SeenRequest[] = [];
  faults: Faults = {};
  /** When set, manifests promise this hash. */
  promisedSha256: string | undefined;
  /** When set, manifests are this text. */
  manifest: string | undefined;
  #port = 0;
  readonly #releases: ServedRelease[];
  readonly #redirects = new Map<string, string>();
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch(() => response.destroy());
  });

  private constructor(releases: readonly ServedRelease[]) {
    this.#releases = [...releases];
  }

  static async start(...releases: readonly ServedRelease[]): Promise<ImageServer> {
    const server = new ImageServer(releases);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    server.#port = (server.#server.address() as AddressInfo).port;
    return server;
  }

  /** With a slash at the end. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  /** Where the disk of a release is; the first one's by default. */
  diskUrl(index = 0): string {
    return `${this.url}releases/disks/${index}.img`;
  }

  /** Offers one more. */
  add(release: ServedRelease): void {
    this.#releases.push(release);
  }

  /** Answers a path (with its slash) with a redirection. */
  redirect(path: string, to: string): void {
    this.#redirects.set(path, to);
  }

  /** The requests for files of disks. */
  get diskRequests(): SeenRequest[] {
    return this.requests.filter(({ path }) => path.includes('/disks/'));
  }

  /** Cuts every connection there is now. */
  cutNow(): void {
    this.#server.closeAllConnections();
  }

  /** Cuts every connection, and is gone. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    const { method = 'GET' } = request;
    this.requests.push({ method, path, range: request.headers.range ?? null });
    const location = this.#redirects.get(path);
    if (location !== undefined) {
      response.writeHead(302, { location }).end();
      return;
    }
    const disk = /\/disks\/(\d+)\.img$/.exec(path)?.[1];
    if (disk !== undefined) {
      await this.#sendDisk(Number(disk), request, response);
      return;
    }
    const text = this.#listAt(path);
    if (text === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': 'application/json' }).end(text);
  }

  #listAt(path: string): string | undefined {
    for (const [remote, root] of Object.entries(ROOTS)) {
      if (path === `${root}streams/v1/index.json`) return INDEX;
      if (path === `${root}streams/v1/products.json`) {
        return this.manifest ?? JSON.stringify({ products: this.#products(remote) });
      }
    }
    return undefined;
  }

  #products(remote: string): Record<string, unknown> {
    const products = this.#releases.map((release, index) => {
      if ((release.remote ?? 'release') !== remote) return [];
      const { aliases = ['24.04', 'noble', 'lts', 'default'], title = '24.04 LTS' } = release;
      const { version = '20260518', supported = true, disk } = release;
      const item = {
        path: `disks/${index}.img`,
        sha256: this.promisedSha256 ?? sha256Of(disk),
        size: statSync(disk).size,
      };
      const product = {
        arch: streamArchitecture(),
        aliases: aliases.join(','),
        os: 'ubuntu',
        release: aliases[0] ?? 'none',
        release_title: title,
        supported,
        versions: { [version]: { items: { 'disk1.img': item } } },
      };
      return [[`org.example:${index}`, product] as const];
    });
    return Object.fromEntries(products.flat());
  }

  async #sendDisk(
    index: number,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { status, ignoresRange, refusesHead, hasNoValidators } = this.faults;
    const disk = this.#releases[index]?.disk;
    const isHead = request.method === 'HEAD';
    if (isHead ? refusesHead === true : status !== undefined) {
      response.writeHead(isHead ? 405 : (status ?? 500)).end();
      return;
    }
    if (disk === undefined) {
      response.writeHead(404).end();
      return;
    }
    const { size, mtime } = statSync(disk);
    const etag = `"${sha256Of(disk).slice(0, 16)}"`;
    const condition = request.headers['if-range'];
    const asked = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1];
    const mayResume = condition === undefined || condition === etag;
    const isPart = asked !== undefined && mayResume && ignoresRange !== true;
    const start = isPart ? Number(asked) : 0;
    if (isPart && start >= size) {
      response.writeHead(416, { 'content-range': `bytes */${size}` }).end();
      return;
    }
    response.writeHead(isPart ? 206 : 200, {
      'content-length': size - start,
      'accept-ranges': 'bytes',
      ...(hasNoValidators === true ? {} : { etag, 'last-modified': mtime.toUTCString() }),
      ...(isPart ? { 'content-range': `bytes ${start}-${size - 1}/${size}` } : {}),
    });
    if (isHead) response.end();
    else await this.#sendFrom(disk, start, response);
  }

  async #sendFrom(disk: string, start: number, response: ServerResponse): Promise<void> {
    const { pauseMs = 0, stallAfter } = this.faults;
    const cutAfter = this.#cutOfThisAnswer();
    const end = Math.min(cutAfter ?? Infinity, stallAfter ?? Infinity);
    let sent = 0;
    for await (const chunk of createReadStream(disk, { start, highWaterMark: PIECE })) {
      if (pauseMs > 0) await setTimeout(pauseMs);
      const piece = (chunk as Buffer).subarray(0, end - sent);
      sent += piece.length;
      if (!response.write(piece)) await once(response, 'drain');
      if (response.destroyed) return;
      if (sent >= end) break;
    }
    if (sent < end) response.end();
    // What was written still arrives; then the connection is at its end, and the answer is not.
    else if (cutAfter !== undefined) response.socket?.end();
  }

  #cutOfThisAnswer(): number | undefined {
    const { cutAfter, cuts } = this.faults;
    if (cutAfter === undefined || cuts === 0) return undefined;
    if (cuts !== undefined) this.faults.cuts = cuts - 1;
    return cutAfter;
  }
}

const INDEX = JSON.stringify({
  index: {
    'org.example:other': { datatype: 'something-else', path: 'streams/v1/other.json' },
    'org.example:download': { datatype: 'image-downloads', path: 'streams/v1/products.json' },
  },
});

/** In hex. */
export function sha256Of(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
