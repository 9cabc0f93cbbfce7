import { guess, loadFindAlias } from '../command-line.js';
import { shellWord } from './completion/shell-quote.js';
import type { CliContext } from './context.js';
import { printable } from './format/table.js';

/** A command, as the parser knows it. */
interface KnownCommand {
  name(): string;
  aliases(): readonly string[];
  readonly options: readonly {
    readonly long?: string | undefined;
    readonly short?: string | undefined;
    readonly hidden: boolean;
  }[];
}

/** Says on stderr what an unknown command was probably meant to be; its text on stdout is Multipass's. */
export async function hintAtCommand(
  name: string,
  commands: readonly KnownCommand[],
  { layout, stderr }: CliContext,
): Promise<void> {
  const { namesOfAliases } = await loadFindAlias();
  const shown = commands.filter((one) => !one.name().startsWith('__'));
  const known = shown.flatMap((one) => [one.name(), ...one.aliases()]);
  const hint = guess(name, [...known, ...namesOfAliases(layout)]);
  if (hint !== undefined) stderr.write(`  hint: ${printable(hint)}\n`);
}

/** The flags that a command line could have: those of its command, or those that need none. */
export function flagsFor(
  argv: readonly string[],
  parser: KnownCommand & { readonly commands: readonly KnownCommand[] },
): string[] {
  const word = argv.find((one) => !one.startsWith('-')) ?? '';
  const command = parser.commands.find((one) => [one.name(), ...one.aliases()].includes(word));
  const options = (command ?? parser).options.filter(({ hidden }) => !hidden);
  return [...options.flatMap(({ long, short }) => [long ?? '', short ?? '']), '--help'];
}

/**
 * Where an option that a command does not know was probably meant for the one that it runs: what to type, with
 * Multipass's text.
 * @param words the command, what it runs it on, and that one, as they were given
 */
export function hintAtInner([command = '', ...words]: readonly string[]): string {
  const place = words.findIndex((word) => !word.startsWith('-')) + 1;
  const line = [command, ...words.slice(0, place), '--', ...words.slice(place)].map(shellWord);
  return `Options to the inner command should come after "--", like this: multipass ${line.join(' ')}`;
}

/**
 * What an unknown option was probably meant to be.
 * @param message the parser's, which has the option in quotes
 */
export function hintAtOption(message: string, flags: readonly string[]): string | undefined {
  const [, flag = ''] = /unknown option '([^=']*)/.exec(message) ?? [];
  return guess(
    flag,
    flags.filter((one) => one.startsWith('--')),
  );
}
