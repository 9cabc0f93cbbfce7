import { askOnce, TooNear, type HttpAnswer, type HttpRequest } from './ask.js';
import { downloadFailed, refusedBy } from './http-error.js';
import type { Reach } from './reach.js';

export type { HttpAnswer, HttpOptions, HttpRequest } from './ask.js';

const MOST_REDIRECTS = 5;

/** Of what is small: a list, a text of a user. */
const SMALL_DEADLINE_MS = 60_000;

/**
 * Asks a server, and follows a few redirections: never from https to plain http, and never from elsewhere to this host
 * itself, which is decided by the addresses that are connected to. Any status but a redirection is an answer. Unless a
 * deadline is given there is no limit on how long it takes, only on how long nothing comes.
 * @throws MultipassError DOWNLOAD_FAILED when there is no answer; SETTING_INVALID for the proxy; ABORTED
 */
export async function request(wanted: HttpRequest): Promise<HttpAnswer> {
  const { deadlineMs } = wanted;
  const began = performance.now();
  let { url } = wanted;
  // What a user names may be anywhere.
  let most: Reach = wanted.most ?? 3;
  for (let hop = 0; hop <= MOST_REDIRECTS; hop += 1) {
    const rest =
      deadlineMs === undefined ? {} : { deadlineMs: deadlineMs - (performance.now() - began) };
    const headers = withoutSecrets(wanted, url);
    const answer = await askAt({ ...wanted, ...rest, headers }, url, most);
    const { reach } = answer;
    const location = answer.header('location');
    if (answer.status < 300 || answer.status >= 400 || location === null) return answer;
    if (!['GET', 'HEAD'].includes(wanted.method ?? 'GET')) return answer;
    answer.cancel();
    url = whereTo(url, location);
    // What one server says leads no nearer than that server is.
    most = reach < most ? reach : most;
  }
  throw downloadFailed(wanted.url, `it is redirected more than ${MOST_REDIRECTS} times`);
}

/** As {@link request}, and any status but success is a failure. @throws MultipassError DOWNLOAD_FAILED, ABORTED */
export async function requestOk(wanted: HttpRequest): Promise<HttpAnswer> {
  const answer = await request(wanted);
  if (answer.status >= 200 && answer.status < 300) return answer;
  answer.cancel();
  throw refusedBy(wanted.url, answer.status, answer.statusText);
}

/**
 * Fetches something small, into memory.
 * @param wanted its `deadlineMs` is a minute by default
 * @param most bytes
 * @throws MultipassError DOWNLOAD_FAILED, also when it is longer or takes longer; ABORTED
 */
export async function fetchSmall(wanted: HttpRequest, most: number): Promise<Buffer> {
  const answer = await requestOk({ deadlineMs: SMALL_DEADLINE_MS, ...wanted });
  const tooLong = (): Error => {
    answer.cancel();
    return downloadFailed(wanted.url, `it is longer than the ${most} bytes that are allowed`);
  };
  if ((contentLength(answer) ?? 0) > most) throw tooLong();
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of answer.body()) {
    pieces.push(piece);
    length += piece.length;
    if (length > most) throw tooLong();
  }
  return Buffer.concat(pieces);
}

/** The length the answer says it has, in bytes; null when it does not. */
export function contentLength(answer: HttpAnswer): number | null {
  const text = answer.header('content-length');
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

async function askAt(wanted: HttpRequest, url: URL, most: Reach): Promise<HttpAnswer> {
  try {
    return await askOnce({ ...wanted, url }, most);
  } catch (error) {
    if (!(error instanceof TooNear)) throw error;
    throw notFollowed(wanted.url, url, error);
  }
}

/** Who we are is told to whom it is meant for, and to nobody that is led to. */
function withoutSecrets(
  { url: meant, headers = {} }: HttpRequest,
  url: URL,
): Record<string, string> {
  const isSame = url.origin === meant.origin;
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => isSame || name.toLowerCase() !== 'authorization'),
  );
}

/**
 * Where an answer leads to: never from https to plain http.
 * @param location may be relative
 * @throws MultipassError DOWNLOAD_FAILED
 */
export function whereTo(from: URL, location: string): URL {
  if (!URL.canParse(location, from.href)) throw downloadFailed(from, 'it is redirected to nowhere');
  const to = new URL(location, from);
  const isSafe = to.protocol === 'https:' || (to.protocol === 'http:' && from.protocol === 'http:');
  if (!isSafe) throw notFollowed(from, to);
  return to;
}

function notFollowed(from: URL, to: URL, cause?: Error): Error {
  return downloadFailed(from, `it is redirected to "${to.href}", which is not followed`, cause);
}
