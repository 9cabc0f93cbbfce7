import { Argument, Command as Parser, CommanderError, Help, Option } from 'commander';
import { loadStoreHost } from '../command-line.js';
import { ABOUT } from './about.js';
import { arrangeWords } from './arrange-words.js';
import type { Command, MakeCommands } from './command.js';
import { CommandFailure } from './command-failure.js';
import { version } from './commands/version.js';
import type { CliContext } from './context.js';
import { EXIT } from './exit-codes.js';
import { usageError } from './failures.js';
import { formatTerms } from './format/terms.js';
import { flagsFor, hintAtCommand, hintAtInner, hintAtOption } from './mistyped.js';
import { HELP, TAKE_OVER, VERBOSE, type CommandOption } from './options.js';

/** Where a command line is run, and who hears of options that are no command's. */
export interface ParserHooks {
  readonly context: CliContext;
  /** Called as often as `-v` is given. */
  readonly onVerbose: () => void;
  /** The commands there are. The parser knows only the one that is asked for. */
  readonly makeCommands: MakeCommands;
}

/**
 * Parses a command line and runs its command.
 * @returns the exit code
 * @throws MultipassError USAGE for a wrong command line; whatever the command throws, as a {@link CommandFailure}
 */
export async function runCommandLine(argv: readonly string[], hooks: ParserHooks): Promise<number> {
  let exitCode: number = EXIT.ok;
  let takesOver = false;
  const { context } = hooks;
  const allHooks = { ...hooks, onTakeOver: () => (takesOver = true) };
  const newSub = (command: Command): Parser => {
    const sub = describe(newParser(command.name, allHooks), command);
    sub.action(async (args: string[]) => {
      const given = (option: CommandOption): readonly string[] => givenFor(sub, option);
      if (takesOver) await takeOver(context);
      exitCode = await command.run({ context, args, given });
    });
    return sub;
  };
  const newMain = (known: readonly Command[]): Parser => {
    const main = newParser('multipass', allHooks).description(ABOUT).usage('[options] <command>');
    main.addOption(new Option('-V, --version', 'Same as the version command').hideHelp());
    main.helpCommand(false).commandsGroup('Available commands:');
    const topics = known.flatMap((command) => command.topics ?? []);
    if (topics.length > 0) endHelp(main, `Topics of the help command:\n${formatTerms(topics)}`);
    for (const command of known) {
      main.addCommand(newSub(command), { hidden: command.hidden === true });
    }
    return main;
  };
  const commands = hooks.makeCommands((name) => {
    const main = newMain(commands);
    const described = name === undefined ? main : main.commands.find((sub) => isCalled(sub, name));
    return described?.helpInformation();
  });
  const find = (word: string): Command | undefined =>
    commands.find(({ name, aliases }) => name === word || aliases.includes(word));
  const words = await arrangeWords(argv, (word) => find(word) !== undefined, context.layout);
  const asked = find(words[0] ?? '');
  const parser = newMain(asked === undefined ? commands : [asked]);
  parser
    .argument('[command...]')
    .action(async ([unknown]: string[], options: { version?: boolean }) => {
      if (options.version === true) {
        exitCode = await version.run({ context, args: [], given: () => [] });
        return;
      }
      context.stdout.write(
        unknown === undefined ? parser.helpInformation() : unknownCommand(unknown),
      );
      exitCode = unknown === undefined ? EXIT.failed : EXIT.usage;
      if (unknown !== undefined) await hintAtCommand(unknown, parser.commands, context);
    });
  try {
    await parser.parseAsync([...words], { from: 'user' });
  } catch (error) {
    let failure = error;
    if (error instanceof CommanderError) {
      if (error.code === 'commander.helpDisplayed') return EXIT.ok;
      const isForInner = asked?.runsInner === true && error.code === 'commander.unknownOption';
      failure = usageError(
        complaint(error, argv, parser),
        isForInner ? hintAtInner(words) : hintAtOption(error.message, flagsFor(argv, parser)),
      );
    }
    throw asked === undefined ? failure : new CommandFailure(asked, words, failure);
  }
  return exitCode;
}

/** Without the store's own call, for programs that open none: see entries/quick.ts. */
async function takeOver({ layout }: CliContext): Promise<void> {
  const { takeOverStore } = await loadStoreHost();
  await takeOverStore(layout);
}

interface AllHooks extends ParserHooks {
  readonly onTakeOver: () => void;
}

function newParser(name: string, { context, onVerbose, onTakeOver }: AllHooks): Parser {
  return new Parser(name)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      // Its own errors are reported with Multipass's texts, in one place.
      writeErr: () => undefined,
      // It would look at Node's own streams, which is to make them.
      getOutHelpWidth: () => context.stdout.columns,
      getOutHasColors: () => false,
    })
    .helpOption(HELP.flags.join(', '), HELP.description)
    .configureHelp({ subcommandTerm: (sub) => [sub.name(), ...sub.aliases()].join(', ') })
    .addOption(toOption(VERBOSE))
    .on('option:verbose', onVerbose)
    .addOption(toOption(TAKE_OVER))
    .on('option:take-over', onTakeOver);
}

function describe(parser: Parser, command: Command): Parser {
  parser
    .summary(command.summary)
    .description(command.description)
    .usage(`[options] ${command.usage}`.trim())
    .aliases([...command.aliases])
    .argument('[args...]');
  const { parameters = [], examples = [] } = command;
  parser.configureHelp({
    ...parser.configureHelp(),
    visibleArguments: () => parameters.map(([name, text]) => new Argument(`<${name}>`, text)),
  });
  if (examples.length > 0) endHelp(parser, `Examples:\n${formatTerms(examples)}`);
  for (const option of command.options) {
    parser.addOption(toOption(option));
    for (const flag of option.hiddenFlags ?? []) parser.addOption(toHiddenOption(option, flag));
  }
  return parser;
}

/** Appends to the help of a command. */
function endHelp(parser: Parser, text: string): void {
  parser.configureHelp({
    ...parser.configureHelp(),
    formatHelp: (command, helper) =>
      `${Help.prototype.formatHelp.call(helper, command, helper)}\n${text}`,
  });
}

function toOption(option: CommandOption): Option {
  const value = option.takesValue ? ` <${option.value ?? 'value'}>` : '';
  const made = new Option(`${option.flags.join(', ')}${value}`, option.description);
  // The parser takes `--no-x` for the denial of `--x`; here it is a flag like any other.
  made.negate = false;
  if (option.takesValue) {
    made.argParser((text: string, before: string[] | undefined) => [...(before ?? []), text]);
  }
  return option.hidden === true ? made.hideHelp() : made;
}

/** The parser knows one short and one long flag an option: a further one is an option of its own. */
function toHiddenOption(option: CommandOption, flag: string): Option {
  return toOption({ ...option, flags: [flag], hidden: true });
}

/** What was given for an option, by its further flags first: what is written as the help shows it counts more. */
function givenFor(parser: Parser, { flags, hiddenFlags = [] }: CommandOption): string[] {
  return [...hiddenFlags, flags.at(-1)].flatMap((flag) => {
    const made = parser.options.find(({ long, short }) => long === flag || short === flag);
    const value: unknown = made && parser.getOptionValue(made.attributeName());
    if (value === true) return [''];
    return Array.isArray(value) ? (value as string[]) : [];
  });
}

function unknownCommand(name: string): string {
  return `Error: Unknown command or alias '${name}' (try "multipass help" or "multipass aliases")\n`;
}

function isCalled(parser: Parser, name: string): boolean {
  return parser.name() === name || parser.aliases().includes(name);
}

/** What the parser refused, with the text of Multipass's (Qt's) parser. */
function complaint(error: CommanderError, argv: readonly string[], parser: Parser): string {
  const [, quoted = ''] = /'(.*)'/.exec(error.message) ?? [];
  switch (error.code) {
    case 'commander.unknownOption': {
      const [flag = '', value] = quoted.split('=', 2);
      const known = parser.commands.flatMap((command) => command.options);
      // With a value, a flag that takes none counts as unknown.
      if (value !== undefined && known.some(({ long, short }) => long === flag || short === flag)) {
        return `Unexpected value after '${flag}'.`;
      }
      return `Unknown option '${flag.replace(/^--?/, '')}'.`;
    }
    case 'commander.optionMissingArgument':
      return `Missing value after '${argv.at(-1) ?? ''}'.`;
    default:
      return error.message.replace(/^error: /, '');
  }
}
