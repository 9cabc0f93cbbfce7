import { setMaxListeners } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { MultipassError } from './errors.js';

/** Rejects with ABORTED when the signal has fired; called between the steps of every workflow. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortedError(signal);
}

/** The error of a workflow that was told to stop: ABORTED; the signal's own reason is its cause. */
export function abortedError(signal: AbortSignal): MultipassError {
  if (signal.reason instanceof MultipassError) return signal.reason;
  return new MultipassError('ABORTED', 'interrupted', { cause: signal.reason });
}

/**
 * Lets any number of pieces of work listen to a signal that stops them all: Node takes more than ten listeners for a
 * leak, and says so on stderr.
 */
export function letManyListen(signal: AbortSignal | undefined): void {
  if (signal !== undefined) setMaxListeners(0, signal);
}

/**
 * Waits for something that does not know of the signal, such as a read from a FIFO that nobody writes to: it is given
 * up when the signal fires, though it may go on.
 * @throws MultipassError ABORTED
 */
export async function orAborted<T>(
  waiting: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return await waiting;
  throwIfAborted(signal);
  let listener = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    listener = () => reject(abortedError(signal));
    signal.addEventListener('abort', listener);
  });
  try {
    return await Promise.race([waiting, aborted]);
  } finally {
    signal.removeEventListener('abort', listener);
  }
}

/** Waits; wakes at once with ABORTED when the signal fires. */
export async function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  throwIfAborted(signal);
  try {
    await setTimeout(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    if (signal?.aborted === true) throw abortedError(signal);
    throw error;
  }
}
