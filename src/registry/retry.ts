import { sleep } from '../abort.js';
import { errnoOf, hasCode } from '../errors.js';
import type { HttpAnswer } from '../http/request.js';

/** How patient a client is. */
export interface Patience {
  readonly signal?: AbortSignal | undefined;
  /** Before the first further try, in milliseconds; twice as long before each one after. Default: half a second. */
  readonly retryMs?: number | undefined;
}

const RETRY_MS = 500;
const MOST_TRIES = 5;
const LONGEST_WAIT_MS = 60_000;
/** Statuses of a server that may do better in a moment. */
const BUSY: readonly number[] = [429, 502, 503, 504];
const PASSING: readonly string[] = [
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ERR_STREAM_PREMATURE_CLOSE',
];

/**
 * Asks again where a server is busy, or a connection was cut: up to five times altogether, longer and longer apart, or
 * as long as the server says (at most a minute).
 * @throws what the last try throws; MultipassError ABORTED
 */
export async function withRetries(
  ask: () => Promise<HttpAnswer>,
  { signal, retryMs = RETRY_MS }: Patience,
): Promise<HttpAnswer> {
  for (let tries = 1; ; tries += 1) {
    let wait = retryMs * 2 ** (tries - 1) * (0.75 + Math.random() / 2);
    try {
      const answer = await ask();
      if (!BUSY.includes(answer.status) || tries >= MOST_TRIES) return answer;
      wait = retryAfter(answer.header('retry-after')) ?? wait;
      answer.cancel();
    } catch (error) {
      if (!isPassing(error) || tries >= MOST_TRIES) throw error;
    }
    await sleep(Math.min(wait, LONGEST_WAIT_MS), signal);
  }
}

/** Whether a failure is one of the network that may not come again. */
function isPassing(error: unknown): boolean {
  if (hasCode(error, 'REGISTRY_FAILED')) return isPassing(error.cause);
  if (!hasCode(error, 'DOWNLOAD_FAILED')) return false;
  const { cause } = error;
  return (
    PASSING.includes(errnoOf(cause) ?? '') ||
    (cause instanceof Error && /hang up|connection was cut|aborted/.test(cause.message))
  );
}

/** Milliseconds, of seconds or a date; undefined for neither. */
function retryAfter(text: string | null): number | undefined {
  if (text === null) return undefined;
  if (/^\d{1,6}$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}
