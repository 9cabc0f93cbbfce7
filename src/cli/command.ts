import { MultipassError } from '../errors.js';
import type { CompletionCommand, CompletionOption } from './completion/completion-command.js';
import type { CliContext } from './context.js';
import { parseOutputFormat } from './format/output-format.js';

/** An option of a command, as data: the parser, the help and the completions are made from it. */
export interface CommandOption extends CompletionOption {
  /** What the value is called in the help: `name`. Only with `takesValue`. */
  readonly value?: string;
  /** Not shown in the help. */
  readonly hidden?: boolean;
  /** It may be given several times, and every value counts. Only with `takesValue`. */
  readonly repeats?: boolean;
}

/** The values of options, by the long flag without its hyphens: true, or the value given; all of them when it repeats. */
export type OptionValues = Readonly<
  Record<string, string | boolean | readonly string[] | undefined>
>;

/** What a command line came to. */
export interface Invocation {
  readonly context: CliContext;
  readonly args: readonly string[];
  readonly options: OptionValues;
}

/** A command, as data; what it does is loaded when it runs, so that starting up stays cheap. */
export interface Command extends CompletionCommand {
  /** The arguments as the help shows them: `<name> [<name> ...]`. */
  readonly usage: string;
  readonly description: string;
  readonly options: readonly CommandOption[];
  /** Not shown in the help. */
  readonly hidden?: boolean;
  /** @returns the exit code */
  run(invocation: Invocation): Promise<number>;
}

/** The wrong use of a command: exit code 1. */
export function usageError(message: string): MultipassError {
  return new MultipassError('USAGE', message);
}

/** The value of an option that takes one. */
export function optionValue(invocation: Invocation, name: string): string | undefined {
  const value = invocation.options[name];
  return typeof value === 'string' ? value : undefined;
}

/** The values of an option that may be given several times. */
export function optionValues({ options }: Invocation, name: string): readonly string[] {
  const values = options[name];
  return typeof values === 'object' ? values : [];
}

/** An option of every command. */
export const HELP: CommandOption = {
  flags: ['-h', '--help'],
  description: 'Displays help on commandline options',
  takesValue: false,
};

/** An option of every command. */
export const VERBOSE: CommandOption = {
  flags: ['-v', '--verbose'],
  description: 'Increase logging verbosity; repeat it, up to -vvvv, for more',
  takesValue: false,
};

export const FORMAT_OPTION: CommandOption = {
  flags: ['--format'],
  value: 'format',
  description: 'Output list in the requested format: table (default), json, csv or yaml',
  takesValue: true,
  choices: ['table', 'json', 'csv', 'yaml'],
};

/** For commands of our own, whose result is a text or JSON. */
export const RESULT_FORMAT_OPTION: CommandOption = {
  flags: ['--format'],
  value: 'format',
  description: 'Output the result in the requested format: table (default) or json',
  takesValue: true,
  choices: ['table', 'json'],
};

/** @throws MultipassError USAGE, with Multipass's text, for any other format */
export function parseResultFormat(invocation: Invocation): 'table' | 'json' {
  const format = parseOutputFormat(optionValue(invocation, 'format') ?? 'table');
  if (format === 'table' || format === 'json') return format;
  throw usageError('Invalid format type given.');
}

/** How long a guest may take; for the commands that wait for one. */
export const TIMEOUT_OPTION: CommandOption = {
  flags: ['--timeout'],
  value: 'timeout',
  description: 'Maximum time, in seconds, to wait for the command to complete; 300 by default',
  takesValue: true,
};

/** The time-out in milliseconds; undefined when none was given. @throws MultipassError USAGE */
export function parseTimeout(invocation: Invocation): number | undefined {
  const text = optionValue(invocation, 'timeout');
  if (text === undefined) return undefined;
  if (!/^[0-9]{1,6}$/.test(text) || Number(text) === 0) {
    throw usageError(`error: Invalid timeout '${text}': need a positive number of seconds.`);
  }
  return Number(text) * 1000;
}
