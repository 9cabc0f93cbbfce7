import { throwIfAborted } from '../../abort.js';
import { downloadFailed, reasonOf, refusedBy } from './http-error.js';
import { isLoopback } from './remotes.js';

/** How long a server may send nothing. */
const STALL_MS = 60_000;

const MOST_REDIRECTS = 5;

/** How a server is asked. */
export interface HttpOptions {
  readonly signal?: AbortSignal | undefined;
  /** How long the server may send nothing before it is given up, in milliseconds. Default: a minute. */
  readonly stallMs?: number | undefined;
}

/** What is asked of a server. */
export interface HttpRequest extends HttpOptions {
  readonly url: URL;
  readonly method?: 'GET' | 'HEAD';
  readonly headers?: Readonly<Record<string, string>>;
}

/** A server's answer. It must be read to its end, or cancelled. */
export interface HttpAnswer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
  /**
   * The content as it comes.
   * @throws MultipassError DOWNLOAD_FAILED when it is cut off or stalls; ABORTED
   */
  readonly body: () => AsyncGenerator<Uint8Array, void>;
  readonly cancel: () => Promise<void>;
}

/**
 * Asks a server, and follows a few redirections, never from https to plain http. Any status but a redirection is an
 * answer. There is no limit on how long it takes, only on how long nothing comes.
 * @throws MultipassError DOWNLOAD_FAILED when there is no answer; ABORTED
 */
export async function request(wanted: HttpRequest): Promise<HttpAnswer> {
  let { url } = wanted;
  for (let hop = 0; hop <= MOST_REDIRECTS; hop += 1) {
    const answer = await ask({ ...wanted, url });
    const location = answer.headers.get('location');
    if (answer.status < 300 || answer.status >= 400 || location === null) return answer;
    await answer.cancel();
    url = follow(url, location);
  }
  throw downloadFailed(wanted.url, `it is redirected more than ${MOST_REDIRECTS} times`);
}

/** As {@link request}, and any status but success is a failure. @throws MultipassError DOWNLOAD_FAILED, ABORTED */
export async function requestOk(wanted: HttpRequest): Promise<HttpAnswer> {
  const answer = await request(wanted);
  if (answer.status >= 200 && answer.status < 300) return answer;
  await answer.cancel();
  throw refusedBy(wanted.url, answer.status, answer.statusText);
}

/** The length the answer says it has, in bytes; null when it does not. */
export function contentLength(answer: HttpAnswer): number | null {
  const text = answer.headers.get('content-length');
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function follow(from: URL, location: string): URL {
  if (!URL.canParse(location, from.href)) throw downloadFailed(from, 'it is redirected to nowhere');
  const to = new URL(location, from);
  const isSafe = to.protocol === 'https:' || (to.protocol === 'http:' && from.protocol === 'http:');
  // A server elsewhere must not lead us to what only this machine can reach.
  if (!isSafe || (isLoopback(to.hostname) && !isLoopback(from.hostname))) {
    throw downloadFailed(from, `it is redirected to "${to.href}", which is not followed`);
  }
  return to;
}

async function ask(wanted: HttpRequest): Promise<HttpAnswer> {
  const { url, method = 'GET', headers = {}, signal, stallMs = STALL_MS } = wanted;
  throwIfAborted(signal);
  const guard = new StallGuard(stallMs);
  const fail = (error: unknown): never => {
    guard.stop();
    throwIfAborted(signal);
    const reason = guard.hasFired ? `nothing has come for ${stallMs / 1000} s` : reasonOf(error);
    throw downloadFailed(url, reason, error);
  };
  guard.watch();
  const signals = signal === undefined ? [guard.signal] : [guard.signal, signal];
  const response = await fetch(url, {
    method,
    // Compressed on the way, the bytes would not be those that a range, a length or a hash is about.
    headers: { 'accept-encoding': 'identity', 'user-agent': 'multipass-ts', ...headers },
    redirect: 'manual',
    signal: AbortSignal.any(signals),
  }).catch(fail);
  guard.stop();
  const { status, statusText, body } = response;
  return {
    status,
    statusText,
    headers: response.headers,
    cancel: async () => await body?.cancel().catch(() => undefined),
    body: async function* () {
      if (body === null) return;
      try {
        guard.watch();
        for await (const chunk of body) {
          // The time we take ourselves, to write it, is not the server's.
          guard.stop();
          yield chunk as Uint8Array;
          guard.watch();
        }
      } catch (error) {
        fail(error);
      } finally {
        guard.stop();
      }
    },
  };
}

/** Gives a request up when nothing comes for too long. */
class StallGuard {
  readonly #controller = new AbortController();
  readonly #limit: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get hasFired(): boolean {
    return this.signal.aborted;
  }

  watch(): void {
    this.stop();
    this.#timer = setTimeout(() => this.#controller.abort(), this.#limit);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
