import { MultipassError } from '../errors.js';
import type { CliContext } from './context.js';
import { EXIT, exitCodeOf } from './exit-codes.js';
import { CommandFailure } from './program.js';

/**
 * Tells on stderr what went wrong, in Multipass's form (`clone failed: <message>`), with what to do, and with the
 * causes when `-v` was given. A plain Error is a bug of ours, and told as one.
 * @returns the exit code
 */
export function reportError(error: unknown, context: CliContext, verbose: boolean): number {
  const command = error instanceof CommandFailure ? error.command : undefined;
  const cause: unknown = error instanceof CommandFailure ? error.cause : error;
  if (!(cause instanceof MultipassError)) {
    context.stderr.write(bugReport(cause, context.version));
    return EXIT.failed;
  }
  if (cause.code === 'USAGE' || command === undefined) {
    context.stderr.write(`${cause.message}\n`);
    return exitCodeOf(cause);
  }
  context.stderr.write(`${command} failed: ${cause.message}\n`);
  if (verbose) {
    for (const line of causesOf(cause)) context.stderr.write(`  caused by: ${line}\n`);
  }
  if (cause.hint !== undefined) context.stderr.write(`  hint: ${cause.hint}\n`);
  return exitCodeOf(cause);
}

function causesOf(error: Error): string[] {
  const { cause } = error;
  if (cause instanceof AggregateError) return cause.errors.map((one) => (one as Error).message);
  return cause instanceof Error ? [cause.message, ...causesOf(cause)] : [];
}

function bugReport(error: unknown, version: string): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `${stack}\n\nThis is a bug in multipass-ts ${version}: please report it with the lines above.\n`;
}
