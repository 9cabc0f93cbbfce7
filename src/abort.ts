import { setTimeout } from 'node:timers/promises';
import { MultipassError } from './errors.js';

/** Rejects with ABORTED when the signal has fired; called between the steps of every workflow. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw abortedError(signal);
}

/** The error of a workflow that was told to stop; the signal's own reason is its cause. */
function abortedError(signal: AbortSignal): MultipassError {
  if (signal.reason instanceof MultipassError) return signal.reason;
  return new MultipassError('ABORTED', 'interrupted', { cause: signal.reason });
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
