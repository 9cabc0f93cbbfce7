import { loadFindAlias, type StoreLayout } from '../command-line.js';

/**
 * Puts the words of a command line into the order that the parser knows: options before the command go behind it, as in
 * `--format=json list`, and an alias becomes the `exec` that it stands for.
 * @param isCommand whether a word is the name of a command
 * @throws MultipassError INSTANCE_NOT_FOUND when the alias's instance is gone; RecordError when no alias can be read
 */
export async function arrangeWords(
  argv: readonly string[],
  isCommand: (word: string) => boolean,
  layout: StoreLayout,
): Promise<readonly string[]> {
  const at = argv.findIndex((word) => !word.startsWith('-'));
  const word = argv[at];
  const options = argv.slice(0, at);
  if (word === undefined || options.some((option) => NO_COMMAND.has(option))) return argv;
  const rest = argv.slice(at + 1);
  if (isCommand(word)) return [word, ...options, ...rest];
  const { findAlias } = await loadFindAlias();
  const alias = await findAlias(layout, word);
  if (alias === undefined) return argv;
  const { instance, command, workingDirectory } = alias;
  const unmapped = workingDirectory === 'default' ? ['--no-map-working-directory'] : [];
  const given = rest[0] === '--' ? rest.slice(1) : rest;
  return ['exec', ...options, ...unmapped, instance, '--', command, ...given];
}

/** Options after which no command is looked for. */
const NO_COMMAND: ReadonlySet<string> = new Set(['-V', '--version', '--']);
