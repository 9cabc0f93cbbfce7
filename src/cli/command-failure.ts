import type { Command } from './command.js';

/** What a command threw, or what is wrong with its command line, with what the report needs to know. */
export class CommandFailure extends Error {
  /** The command's name, for the message. */
  readonly command: string;
  /** Whether the failure is wanted as JSON on stdout. */
  readonly wantsJson: boolean;

  /** @param words the command line, options behind the command */
  constructor(command: Command, words: readonly string[], cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.command = command.name;
    this.wantsJson = command.isChange === true && asksForJson(words);
  }
}

/** Looks at the words alone: what is wrong with a command line may be wrong before its options are read. */
function asksForJson(words: readonly string[]): boolean {
  const end = words.indexOf('--');
  const own = end < 0 ? words : words.slice(0, end);
  return own.some(
    (word, at) => word === '--format=json' || (word === '--format' && own[at + 1] === 'json'),
  );
}
