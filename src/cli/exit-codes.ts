import { constants } from 'node:os';
import { hasCode } from '../command-line.js';
import { MultipassError } from '../index.js';

/** Multipass's exit codes; 128 + n after a signal. */
export const EXIT = { ok: 0, usage: 1, failed: 2, timedOut: 5 } as const;

/** The exit code of a shell for a program that a signal ended. */
export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

/** The exit code for what a command threw. */
export function exitCodeOf(error: unknown): number {
  if (hasCode(error, 'USAGE')) return EXIT.usage;
  if (!(error instanceof MultipassError)) return EXIT.failed;
  const errors = error.cause instanceof AggregateError ? error.cause.errors : [error];
  return errors.every(isTimeOut) ? EXIT.timedOut : EXIT.failed;
}

function isTimeOut(error: unknown): boolean {
  return hasCode(error, 'TIMED_OUT');
}
