import { fromSystemError, MultipassError } from '../errors.js';
import type { CliContext } from './context.js';
import { EXIT, exitCodeOf } from './exit-codes.js';
import { printable } from './format/table.js';
import { CommandFailure } from './program.js';

/**
 * Reports on stderr what went wrong, in Multipass's form (`clone failed: <message>`), with what to do, and with the
 * causes when `-v` was given. A plain Error is a bug of ours, and reported as one.
 * @returns the exit code
 */
export function reportError(
  error: unknown,
  context: Pick<CliContext, 'stderr' | 'version'>,
  verbose: boolean,
): number {
  const command = error instanceof CommandFailure ? error.command : undefined;
  const cause = meaningOf(error instanceof CommandFailure ? error.cause : error);
  if (!(cause instanceof MultipassError)) {
    context.stderr.write(bugReport(cause, context.version));
    return EXIT.failed;
  }
  const message = cause.code === 'SEVERAL' ? cause.message : printable(cause.message);
  if (cause.code === 'USAGE' || command === undefined) {
    context.stderr.write(`${message}\n`);
    return exitCodeOf(cause);
  }
  context.stderr.write(`${command} failed: ${message}\n`);
  const causes = verbose ? causesOf(cause) : [];
  for (const line of causes) context.stderr.write(`  caused by: ${printable(line)}\n`);
  for (const hint of hintsOf(cause)) context.stderr.write(`  hint: ${printable(hint)}\n`);
  for (const line of consoleOf(cause)) context.stderr.write(`  console: ${printable(line)}\n`);
  return exitCodeOf(cause);
}

/** The world's refusal that nobody foresaw, such as an I/O error, is no bug of ours. */
function meaningOf(error: unknown): unknown {
  if (!(error instanceof Error) || !('syscall' in error)) return error;
  const { syscall = 'go on', path } = error as NodeJS.ErrnoException;
  return fromSystemError(error, syscall, path);
}

function causesOf(error: Error): string[] {
  const { cause } = error;
  if (cause instanceof AggregateError) return cause.errors.flatMap(causesOf);
  return cause instanceof Error ? [cause.message, ...causesOf(cause)] : [];
}

/** Each different hint once: several failures may have the same. */
function hintsOf({ hint, cause }: MultipassError): string[] {
  const errors: unknown[] = cause instanceof AggregateError ? cause.errors : [];
  const hints = [hint, ...errors.map((one) => (one as MultipassError).hint)];
  return [...new Set(hints)].filter((one) => one !== undefined);
}

/** The end of the console of the guest that failed; of several guests none: nobody could say which is whose. */
function consoleOf({ details }: MultipassError): string[] {
  const { console } = details;
  return typeof console === 'string' && console !== '' ? console.split('\n') : [];
}

function bugReport(error: unknown, version: string): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `${stack}\n\nThis is a bug in multipass-ts ${version}: please report it with the lines above.\n`;
}
