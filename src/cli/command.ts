import type { CompletionCommand } from './completion/completion-command.js';
import type { CliContext } from './context.js';
import type { Described } from './format/terms.js';
import { usageError } from './failures.js';
import type { CommandOption, OptionTable, OptionValues } from './options.js';

/** What a command line came to, with the values of its options. */
export interface Invocation<Options extends OptionTable> {
  readonly context: CliContext;
  readonly args: readonly string[];
  readonly options: OptionValues<Options>;
}

/** What a command line came to, before the values of its options are read. */
export interface CommandLine {
  readonly context: CliContext;
  readonly args: readonly string[];
  /** What was given for an option, in that order; an empty text each time for one without a value. */
  readonly given: (option: CommandOption) => readonly string[];
}

interface CommandText extends Omit<CompletionCommand, 'options'> {
  /** The arguments as the help shows them: `<name> [<name> ...]`. Empty: it takes none, and refuses any. */
  readonly usage: string;
  readonly description: string;
  /** What each name in `usage` stands for, as the help shows it. */
  readonly parameters?: readonly Described[];
  /** Command lines, and what each is for. */
  readonly examples?: readonly Described[];
  /** What else than commands its argument may name: in the help of all commands. */
  readonly topics?: readonly Described[];
}

/** A command, as data; what it does is loaded when it runs, so that starting up stays cheap. */
export interface Command extends CommandText {
  readonly options: readonly CommandOption[];
  /** True: it changes something, and tells what it did, or what stopped it, as JSON when asked to. */
  readonly isChange?: boolean;
  /** @returns the exit code */
  run(line: CommandLine): Promise<number>;
}

/** What few commands have, or what few have not. */
type Usual = 'aliases' | 'argument' | 'usage';

/**
 * A command as it is written: its options by name, and what it does with their values. Without other words it has no
 * aliases, takes no arguments, and so completes none.
 */
export interface CommandDefinition<Options extends OptionTable>
  extends Omit<CommandText, Usual>, Partial<Pick<CommandText, Usual>> {
  /** In the order of the help. */
  readonly options: Options;
  /** @returns the exit code */
  run(invocation: Invocation<Options>): number | Promise<number>;
}

/** Makes a command of its definition: the values of its options are read, and checked, before it runs. */
export function defineCommand<Options extends OptionTable>(
  definition: CommandDefinition<Options>,
): Command {
  const usual = { aliases: [], argument: 'none', usage: '' } as const;
  const command = { ...usual, ...definition };
  return {
    ...command,
    options: Object.values(definition.options),
    run: async ({ context, args, given }) => {
      if (command.usage === '' && args.length > 0) {
        throw usageError('This command takes no arguments');
      }
      const read = Object.entries(definition.options).map(([name, option]) => [
        name,
        option.read(given(option)),
      ]);
      const options = Object.fromEntries(read) as OptionValues<Options>;
      return await definition.run({ context, args, options });
    },
  };
}

/**
 * Makes the commands of a command line.
 * @param helpOf gives the help of a command, or of all (undefined), or nothing when there is none
 */
export type MakeCommands = (
  helpOf: (name: string | undefined) => string | undefined,
) => readonly Command[];
