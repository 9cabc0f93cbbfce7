import { constants } from 'node:os';
import { MultipassError } from '../errors.js';

/** Multipass's exit codes; 128 + n after a signal. */
export const EXIT = { ok: 0, usage: 1, failed: 2 } as const;

/** The exit code of a shell for a program that a signal ended. */
export function exitCodeOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

/** The exit code for what a command threw. */
export function exitCodeOf(error: unknown): number {
  return error instanceof MultipassError && error.code === 'USAGE' ? EXIT.usage : EXIT.failed;
}
