import type { CompletionCommand, CompletionOption } from './completion-command.js';

/** What the last word of a command line is about to be. */
export type Wanted =
  | { readonly what: 'command' }
  | {
      readonly what: 'option';
      readonly command: CompletionCommand;
      readonly given: readonly string[];
    }
  /** @param before what stands in the same word before the value: `--format=` */
  | { readonly what: 'value'; readonly option: CompletionOption; readonly before: string }
  | {
      readonly what: 'argument';
      readonly command: CompletionCommand;
      /** The arguments before. */
      readonly args: readonly string[];
      /** The flags before. */
      readonly given: readonly string[];
    }
  /** Something that we know nothing of: the command line of the guest. */
  | { readonly what: 'foreign' };

/**
 * Reads a command line up to the word that is being typed.
 * @param words those before it, without `multipass`
 * @param word what is typed of it
 */
export function readLine(
  words: readonly string[],
  word: string,
  commands: readonly CompletionCommand[],
): Wanted {
  const at = words.findIndex((one) => !one.startsWith('-'));
  const name = words[at];
  if (name === undefined) return { what: 'command' };
  const command = commands.find((one) => one.name === name || one.aliases.includes(name));
  if (command === undefined) return { what: 'foreign' };
  const args: string[] = [];
  const given: string[] = [];
  let valued: CompletionOption | undefined;
  for (const one of words.slice(at + 1)) {
    if (valued !== undefined) {
      valued = undefined;
    } else if (one === '--') {
      return { what: 'foreign' };
    } else if (one.startsWith('-') && one !== '-') {
      const [flag = ''] = one.split('=', 1);
      given.push(flag);
      const option = optionOf(command, flag);
      if (option?.takesValue === true && !one.includes('=')) valued = option;
    } else {
      args.push(one);
    }
  }
  if (valued !== undefined) return { what: 'value', option: valued, before: '' };
  const [, before = ''] = /^(--[^=]*=)/.exec(word) ?? [];
  if (before !== '') {
    const option = optionOf(command, before.slice(0, -1));
    return option?.takesValue === true ? { what: 'value', option, before } : { what: 'foreign' };
  }
  if (command.runsInner === true && args.length > 0) return { what: 'foreign' };
  if (word.startsWith('-')) return { what: 'option', command, given };
  return { what: 'argument', command, args, given };
}

function optionOf(command: CompletionCommand, flag: string): CompletionOption | undefined {
  return command.options.find(({ flags }) => flags.includes(flag));
}
