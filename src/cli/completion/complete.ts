import type { CompletionCommand, CompletionOption } from './completion-command.js';
import { offerKind, type Source } from './offer-kind.js';
import { words, type Candidate, type Offer } from './offer.js';
import { readLine, type Wanted } from './read-line.js';
import { aliases } from './store-names.js';

/**
 * What could stand in the place of the last word of a command line.
 * @param line the words of it, without `multipass`: the last one is being typed, and may be empty
 * @param commands those there are, each with the options that all have
 */
export async function complete(
  line: readonly string[],
  commands: readonly CompletionCommand[],
  source: Source,
): Promise<Offer> {
  const typed = line.at(-1) ?? '';
  const wanted = readLine(line.slice(0, -1), typed, commands);
  switch (wanted.what) {
    case 'command': {
      const shown = commands.filter(({ hidden }) => hidden !== true);
      const known = shown.flatMap(({ name, aliases: others, summary }) =>
        [name, ...others].map((word) => ({ word, description: summary })),
      );
      const own = (await aliases(source.from)).map((word) => ({ word, description: 'An alias' }));
      return { candidates: [...known, ...own] };
    }
    case 'option':
      return { candidates: wanted.command.options.flatMap((one) => flagsOf(one, wanted.given)) };
    case 'value':
      return await valuesOf(wanted.option, wanted.before, typed, source);
    case 'argument':
      return await argumentOf(wanted, typed, source);
    case 'foreign':
      return words([], { paths: 'files' });
  }
}

/** An option that is there already is not offered again, in whichever way it was written. */
function flagsOf(option: CompletionOption, given: readonly string[]): Candidate[] {
  const { flags, description, hidden, repeats } = option;
  if (hidden === true) return [];
  if (repeats !== true && flags.some((flag) => given.includes(flag))) return [];
  return flags.map((word) => ({ word, description }));
}

async function valuesOf(
  { choices, completes = 'none' }: CompletionOption,
  before: string,
  typed: string,
  source: Source,
): Promise<Offer> {
  const offer =
    choices === undefined
      ? await offerKind(completes, typed.slice(before.length), source)
      : words(choices);
  if (before === '') return offer;
  const candidates = offer.candidates.map((one) => ({ ...one, word: before + one.word }));
  return { ...offer, candidates };
}

/** What is named already is not offered again. */
async function argumentOf(
  { command, args, given }: Extract<Wanted, { what: 'argument' }>,
  typed: string,
  source: Source,
): Promise<Offer> {
  const { argument, further, options } = command;
  const chosen = options.find(
    (one) => one.flags.some((flag) => given.includes(flag)) && one.argument,
  );
  const places = chosen?.argument === undefined ? argument : [chosen.argument];
  const kind = typeof places === 'string' ? places : (places[args.length] ?? further);
  if (kind === undefined) return words([]);
  const first = args[0];
  // What image does, its first word says.
  if (kind === 'image-action' && first !== undefined) {
    if (first === 'list') return words([]);
    return await offerKind(first === 'import' ? 'image-or-file' : 'unused-image', typed, source);
  }
  const offer = await offerKind(kind, typed, source);
  const candidates = offer.candidates.filter(({ word }) => !args.includes(word));
  return { ...offer, candidates };
}
