import { once } from 'node:events';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { throwIfAborted } from '../abort.js';
import { hasCode } from '../errors.js';
import { downloadFailed, reasonOf } from './http-error.js';
import type { KeptSockets } from './kept-sockets.js';
import { openSocket, proxyAuthorization, type OpenSocketOptions } from './open-socket.js';
import { proxyFor, type ProxyEnvironment } from './proxy.js';
import { addressesOf, bare, nearest, reachOf, type Address, type Reach } from './reach.js';
import { StallGuard } from './stall-guard.js';

/** How long a server may send nothing. */
const STALL_MS = 60_000;

/** How a server is asked. */
export interface HttpOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long the server may send nothing before it is given up, in milliseconds. Default: a minute. */
  readonly stallMs?: number | undefined;
  /** How long it may take altogether, in milliseconds. Default: for ever, as long as something comes. */
  readonly deadlineMs?: number | undefined;
  /** Variables that say through which proxy. Default: this process's own. */
  readonly env?: ProxyEnvironment | undefined;
  /** Connections are taken from there, and kept there for the next request. Default: each request has its own. */
  readonly sockets?: KeptSockets | undefined;
  /** Certificates of those who are believed about servers, in PEM. Default: whom Node believes. */
  readonly authorities?: readonly string[] | undefined;
}

/** What is asked of a server. */
export interface HttpRequest extends HttpOptions {
  readonly url: URL;
  /** Default: GET. What changes something there is not redirected. */
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH';
  readonly headers?: Readonly<Record<string, string>>;
  /** No server that is nearer than this is asked; by default any is. */
  readonly most?: Reach | undefined;
  /** What is sent with it. */
  readonly body?: Uint8Array | undefined;
}

/** A server's answer. It must be read to its end, or cancelled. */
export interface HttpAnswer {
  readonly status: number;
  readonly statusText: string;
  /** Who gave it, behind all redirections. */
  readonly url: URL;
  /** How near that server is: what it says leads no nearer. */
  readonly reach: Reach;
  /** A header by its name in small letters; null when there is none. */
  readonly header: (name: string) => string | null;
  /**
   * The content as it comes.
   * @throws MultipassError DOWNLOAD_FAILED when it is cut off, stalls or takes too long; ABORTED
   */
  readonly body: () => AsyncGenerator<Uint8Array, void>;
  readonly cancel: () => void;
}

/** A server that a redirection leads to, and that is too near to be asked. */
export class TooNear extends Error {
  override readonly name = 'TooNear';
}

/**
 * Asks one server once.
 * @param most no server that is nearer than this is asked: decided by the addresses that are then connected to
 * @throws TooNear; MultipassError DOWNLOAD_FAILED, SETTING_INVALID for the proxy, ABORTED
 */
export async function askOnce(wanted: HttpRequest, most: Reach): Promise<HttpAnswer> {
  const { url, signal, stallMs = STALL_MS, deadlineMs, sockets, env = process.env } = wanted;
  throwIfAborted(signal);
  const proxy = proxyFor(url, env);
  const key = [url.origin, proxy?.href ?? ''].join(' ');
  const kept = sockets?.take(key);
  const guard = new StallGuard(stallMs, deadlineMs);
  const stop = signal === undefined ? guard.signal : AbortSignal.any([guard.signal, signal]);
  const fail = (error: unknown): never => {
    guard.stop();
    throwIfAborted(signal);
    if (error instanceof TooNear || hasCode(error, 'DOWNLOAD_FAILED')) throw error;
    throw downloadFailed(url, guard.reason ?? reasonOf(error), error);
  };
  try {
    guard.watch();
    const way = { url, proxy, most, signal: stop, authorities: wanted.authorities };
    const { socket, reach } = await connected(kept, way);
    const asked = request({
      createConnection: () => socket,
      method: wanted.method ?? 'GET',
      path: proxy !== null && url.protocol === 'http:' ? absolute(url) : url.pathname + url.search,
      headers: {
        host: url.host,
        // Compressed on the way, the bytes would not be those that a range, a length or a hash is about.
        'accept-encoding': 'identity',
        'user-agent': 'multipass-ts',
        ...(sockets === undefined ? {} : { connection: 'keep-alive' }),
        ...(proxy !== null && url.protocol === 'http:' ? proxyAuthorization(proxy) : {}),
        ...(wanted.body === undefined ? {} : { 'content-length': String(wanted.body.length) }),
        ...wanted.headers,
      },
      signal: stop,
    });
    // After the answer it is the answer that tells what went wrong.
    asked.on('error', () => undefined);
    const answered = once(asked, 'response') as Promise<[IncomingMessage]>;
    // A refusal may come before all is sent.
    answered.catch(() => undefined);
    const isSent = await sendBody(asked, wanted.body, { guard, answered });
    const [response] = await answered;
    guard.rest();
    // Until it is read nobody listens, and a cut connection is told when it is.
    response.on('error', () => undefined);
    // What was sent in part leaves a server waiting for the rest.
    const isKept = sockets !== undefined && isSent;
    if (isKept) socket.once('free', () => sockets.keep(key, socket));
    return answerOf(response, { url, method: wanted.method, reach, guard, stop, fail, isKept });
  } catch (error) {
    const isRead = ['GET', 'HEAD'].includes(wanted.method ?? 'GET');
    if (kept === undefined || !isRead || stop.aborted || error instanceof TooNear) {
      return fail(error);
    }
    // The server has closed it at that very moment.
    guard.stop();
    return await askOnce({ ...wanted, sockets: undefined }, most);
  }
}

/** A connection to a server, and how near that is; one that was kept is judged as a new one is. */
async function connected(
  kept: Socket | undefined,
  { url, proxy, most, signal, authorities }: Omit<OpenSocketOptions, 'addresses'> & { most: Reach },
): Promise<{ socket: Socket; reach: Reach }> {
  if (kept !== undefined && proxy === null) {
    const reach = reachOf(kept.remoteAddress ?? '');
    if (reach <= most) return { socket: kept, reach };
    kept.destroy();
    throw new TooNear(`${url.hostname} is this very host`);
  }
  const addresses = await until(signal, judged(url, proxy, most)).catch((error: unknown) => {
    kept?.destroy();
    throw error;
  });
  const socket = kept ?? (await openSocket({ url, proxy, addresses, signal, authorities }));
  const reach = proxy === null ? reachOf(socket.remoteAddress ?? '') : nearest(addresses);
  return { socket, reach };
}

/** How much is handed to the kernel at a time: what it takes is a sign of life. */
const PIECE = 256 * 1024;

/**
 * Sends what goes with a request, watched piece by piece; an answer that comes before ends it.
 * @returns whether all of it was sent
 */
async function sendBody(
  asked: ClientRequest,
  body: Uint8Array | undefined,
  { guard, answered }: { guard: StallGuard; answered: Promise<unknown> },
): Promise<boolean> {
  const state = { isAnswered: false };
  const early = answered.then(() => void (state.isAnswered = true));
  early.catch(() => undefined);
  let at = 0;
  for (; at < (body?.length ?? 0) && !state.isAnswered; at += PIECE) {
    guard.watch();
    const piece = body?.subarray(at, at + PIECE);
    if (!asked.write(piece))
      await Promise.race([new Promise((go) => asked.once('drain', go)), early]);
  }
  guard.watch();
  asked.end();
  return at >= (body?.length ?? 0);
}

interface AnswerParts {
  readonly url: URL;
  readonly method: HttpRequest['method'];
  readonly reach: Reach;
  readonly guard: StallGuard;
  readonly stop: AbortSignal;
  readonly fail: (error: unknown) => never;
  /** Whether its connection is kept once it has come to its end. */
  readonly isKept: boolean;
}

function answerOf(response: IncomingMessage, parts: AnswerParts): HttpAnswer {
  const { url, method, reach, guard, stop, fail, isKept } = parts;
  return {
    url,
    reach,
    status: response.statusCode ?? 0,
    statusText: response.statusMessage ?? '',
    header: (name) => {
      const value = response.headers[name];
      return (Array.isArray(value) ? value.join(', ') : value) ?? null;
    },
    cancel: () => {
      guard.stop();
      if (isKept && isShort(response, method)) leaveToItself(response);
      else response.destroy();
    },
    body: async function* () {
      try {
        guard.watch();
        for await (const chunk of response) {
          // The time we take ourselves, to write it, is not the server's.
          guard.rest();
          yield chunk as Uint8Array;
          guard.watch();
        }
        // A stream that is stopped from outside may just end.
        if (stop.aborted || !response.complete) throw new Error('the connection was cut');
      } catch (error) {
        fail(error);
      } finally {
        guard.stop();
        if (!isKept || !response.complete) response.destroy();
      }
    },
  };
}

/** To read so much is less than to connect again. */
const SHORT = 64 * 1024;
const SHORT_MS = 2000;

function isShort({ statusCode, headers }: IncomingMessage, method: HttpRequest['method']): boolean {
  const length = headers['content-length'];
  const isNone = method === 'HEAD' || statusCode === 204;
  return isNone || (length !== undefined && Number(length) <= SHORT);
}

/** Has what nobody wants read to its end, if that comes soon; nothing waits for it. */
function leaveToItself(response: IncomingMessage): void {
  const timer = setTimeout(() => response.destroy(), SHORT_MS).unref();
  response.once('close', () => clearTimeout(timer));
  response.resume();
}

/**
 * The addresses of a server, none of them too near. A proxy looks the name up itself, perhaps where we cannot; but one
 * on this very host would lead us here all the same, so what can be looked up is judged.
 */
async function judged(url: URL, proxy: URL | null, most: Reach): Promise<readonly Address[]> {
  const isName = isIP(bare(url.hostname)) === 0 && url.hostname !== 'localhost';
  if (proxy !== null && most === 3 && isName) return [];
  const addresses = await addressesOf(url.hostname).catch((error: unknown) => {
    if (proxy === null) throw error;
    return [];
  });
  if (nearest(addresses) > most) throw new TooNear(`${url.hostname} is this very host`);
  return addresses;
}

/** What cannot be interrupted itself is left behind. */
async function until<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const aborted = new Promise<never>((_resolve, reject) => {
    const stop = (): void => reject(new Error('interrupted'));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  return await Promise.race([work, aborted]);
}

function absolute(url: URL): string {
  return `http://${url.host}${url.pathname}${url.search}`;
}
