import type { CompletionOption } from './completion/completion-command.js';
import { parseOutputFormat, parseReportFormat, parseResultFormat } from './format/output-format.js';
import { parseProgress, parseTimeout } from './parse.js';

/** An option of a command, as data: the parser, the help and the completions are made from it. */
export interface CommandOption<Value = unknown> extends CompletionOption {
  /** What the value is called in the help: `name`. Only with `takesValue`. */
  readonly value?: string;
  /** Further ways to write it, which neither the help nor the completions show. */
  readonly hiddenFlags?: readonly string[];
  /**
   * Makes the option's value of what was given for it, in that order; for one without a value, of as many empty texts.
   * @throws MultipassError with Multipass's text for a wrong value
   */
  readonly read: (given: readonly string[]) => Value;
}

/** The options of a command, by the names under which it reads their values. */
export type OptionTable = Readonly<Record<string, CommandOption>>;

/** The values of a table of options. */
export type OptionValues<Options extends OptionTable> = {
  readonly [Name in keyof Options]: Options[Name] extends CommandOption<infer Value>
    ? Value
    : never;
};

type Description = Omit<CommandOption, 'takesValue' | 'read' | 'value'>;

interface ValueDescription extends Description {
  readonly value: string;
}

interface Parsed<Value> {
  /** @throws MultipassError with Multipass's text for a wrong value */
  readonly parse: (text: string) => Value;
}

/** An option that is there or not. */
export function flag(description: Description): CommandOption<boolean> {
  return { ...description, takesValue: false, read: (given) => given.length > 0 };
}

/** An option with a text; undefined when it was not given. Given several times, the last one counts. */
export function textOption(description: ValueDescription): CommandOption<string | undefined> {
  return { ...description, takesValue: true, read: (given) => given.at(-1) };
}

/** An option with a value that is not just any text; undefined when it was not given. The last one counts. */
export function valueOption<Value>(
  description: ValueDescription & Parsed<Value>,
): CommandOption<Value | undefined> {
  const { parse, ...option } = description;
  const read = (given: readonly string[]): Value | undefined => {
    const text = given.at(-1);
    return text === undefined ? undefined : parse(text);
  };
  return { ...option, takesValue: true, read };
}

/** An option that may be given several times, and every value counts. */
export function repeatedOption<Value>(
  description: ValueDescription & Parsed<Value>,
): CommandOption<readonly Value[]> {
  const { parse, ...option } = description;
  const read = (given: readonly string[]): Value[] => given.map((text) => parse(text));
  return { ...option, takesValue: true, repeats: true, read };
}

function withDefault<Value>(
  option: CommandOption<Value | undefined>,
  value: Value,
): CommandOption<Value> {
  return { ...option, read: (given) => option.read(given) ?? value };
}

/** An option of every command. */
export const HELP = flag({
  flags: ['-h', '--help'],
  description: 'Displays help on commandline options',
});

/** An option of every command. */
export const VERBOSE = flag({
  repeats: true,
  flags: ['-v', '--verbose'],
  description: 'Increase logging verbosity; repeat it, up to -vvvv, for more',
});

/** An option of every command, for which an error asks; no help shows it. */
export const TAKE_OVER = flag({
  flags: ['--take-over'],
  description: 'Make this host the owner of a store on a shared file system, before anything else',
  hidden: true,
});

export const FORMAT = withDefault(
  valueOption({
    flags: ['--format'],
    value: 'format',
    description: 'Output list in the requested format: table (default), json, csv or yaml',
    choices: ['table', 'json', 'csv', 'yaml'],
    parse: parseOutputFormat,
  }),
  'table',
);

/** For commands of our own, whose result is a text or JSON. */
export const RESULT_FORMAT = withDefault(
  valueOption({
    flags: ['--format'],
    value: 'format',
    description: 'Output the result in the requested format: table (default) or json',
    choices: ['table', 'json'],
    parse: parseResultFormat,
  }),
  'table',
);

/** For commands of our own, whose result is a report. */
export const REPORT_FORMAT = withDefault(
  valueOption({
    flags: ['--format'],
    value: 'format',
    description: 'Output the report in the requested format: table (default), json or yaml',
    choices: ['table', 'json', 'yaml'],
    parse: parseReportFormat,
  }),
  'table',
);

/** Options of every command whose work may take long. */
export const PROGRESS = {
  quiet: flag({ flags: ['--quiet'], description: 'Show no progress; warnings are still shown' }),
  progress: valueOption({
    flags: ['--progress'],
    value: 'format',
    description: 'Show progress and warnings as JSON, one object a line on stderr: json',
    choices: ['json'],
    parse: parseProgress,
  }),
};

/** The options of a command that changes something and may take long. */
export const CHANGE = { format: RESULT_FORMAT, ...PROGRESS };

/** How long a guest may take, in milliseconds; for the commands that wait for one. */
export const TIMEOUT = valueOption({
  flags: ['--timeout'],
  value: 'timeout',
  description: 'Maximum time, in seconds, to wait for the command to complete; 300 by default',
  parse: parseTimeout,
});
