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
}

/** What a command line came to. */
export interface Invocation {
  readonly context: CliContext;
  readonly args: readonly string[];
  /** By the long flag without its hyphens: true, or the value given. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
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
