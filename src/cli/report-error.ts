import { fromSystemError, guess, instanceEntryNames, type StoreLayout } from '../command-line.js';
import { MultipassError } from '../index.js';
import type { CliContext } from './context.js';
import { EXIT, exitCodeOf } from './exit-codes.js';
import { printable } from './format/table.js';
import { formatFailure } from './format/failure.js';
import { CommandFailure } from './command-failure.js';
import { ChangeFailure } from './outcome.js';

/**
 * Reports on stderr what went wrong, in Multipass's form (`clone failed: <message>`), with what to do, and with the
 * causes when `-v` was given; and as JSON on stdout where that is wanted. A plain Error is a bug of ours, and reported
 * as one.
 * @returns the exit code
 */
export function reportError(
  error: unknown,
  context: Pick<CliContext, 'stderr' | 'version'> & Partial<Pick<CliContext, 'layout' | 'stdout'>>,
  verbose: boolean,
): number {
  const failure = error instanceof CommandFailure ? error : undefined;
  const command = failure?.command;
  const thrown = failure === undefined ? error : failure.cause;
  const change = thrown instanceof ChangeFailure ? thrown : undefined;
  const cause = meaningOf(change === undefined ? thrown : change.cause);
  if (failure?.wantsJson === true) {
    const hint = (one: MultipassError): string | undefined => hintOf(one, context.layout);
    context.stdout?.write(formatFailure(change?.done ?? {}, cause, hint));
  }
  if (!(cause instanceof MultipassError)) {
    context.stderr.write(bugReport(cause, context.version));
    return EXIT.failed;
  }
  const message = cause.code === 'SEVERAL' ? cause.message : printable(cause.message);
  const isPlain = cause.code === 'USAGE' || command === undefined;
  context.stderr.write(isPlain ? `${message}\n` : `${command} failed: ${message}\n`);
  for (const line of linesOf(cause)) context.stderr.write(`${printable(line)}\n`);
  const causes = verbose && !isPlain ? causesOf(cause) : [];
  for (const line of causes) context.stderr.write(`  caused by: ${printable(line)}\n`);
  for (const hint of hintsOf(cause, context.layout))
    context.stderr.write(`  hint: ${printable(hint)}\n`);
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
function hintsOf(error: MultipassError, layout: StoreLayout | undefined): string[] {
  const { cause } = error;
  const errors = cause instanceof AggregateError ? (cause.errors as MultipassError[]) : [];
  const hints = [error, ...errors].map((one) => hintOf(one, layout));
  return [...new Set(hints)].filter((one) => one !== undefined);
}

/** Who throws that there is no such instance need not know the store; here it is known, and so what is there. */
function hintOf(error: MultipassError, layout: StoreLayout | undefined): string | undefined {
  const { hint, details } = error;
  if (layout === undefined || hint === undefined) return hint;
  if (error.code !== 'INSTANCE_NOT_FOUND' || typeof details['name'] !== 'string') return hint;
  try {
    return guess(details['name'], instanceEntryNames(layout), hint);
  } catch {
    // The instances cannot be listed; that is not what this error is about.
    return hint;
  }
}

/** Where Multipass's text has further lines, those. */
function linesOf({ details }: MultipassError): string[] {
  const { lines } = details;
  return Array.isArray(lines) ? lines.map(String) : [];
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
