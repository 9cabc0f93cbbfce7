import { guess } from '../../command-line.js';
import { defineCommand, type Command } from '../command.js';
import type { Described } from '../format/terms.js';
import type { CliContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { usageError } from '../failures.js';
import { flag } from '../options.js';
import { formatTopic, TOPICS } from '../topics/all.js';

/**
 * Made with the list of all commands, itself included.
 * @param helpOf gives the help of a command, or of all (undefined), or nothing when there is none
 */
export function helpCommand(
  helpOf: (name: string | undefined) => string | undefined,
  commands: () => readonly Command[],
): Command {
  return defineCommand({
    name: 'help',
    summary: 'Display help about a command',
    description: 'Display help for the command or topic specified, or the list of all commands.',
    usage: '[<command> | <topic>]',
    parameters: [
      ['command', 'The command to tell about'],
      ['topic', `What several have in common: ${TOPICS.map(({ name }) => name).join(', ')}`],
    ],
    topics: TOPICS.map(({ name, title }): Described => [name, title]),
    argument: ['command'],
    options: {
      man: flag({ flags: ['--man'], description: 'Print the manual page, as man(1) reads it' }),
    },
    async run({ context, args, options }) {
      if (args.length > (options.man ? 0 : 1)) throw usageError('Too many arguments given');
      if (options.man) return await printManual(context, commands());
      const [word] = args;
      const topic = TOPICS.find(({ name }) => name === word);
      const text = helpOf(word) ?? (topic && formatTopic(topic, commands()));
      if (text === undefined) throw unknown(word ?? '', commands());
      context.stdout.write(text);
      return EXIT.ok;
    },
  });
}

async function printManual({ stdout, version }: CliContext, commands: readonly Command[]) {
  const { formatManPage } = await import('../topics/man-page.js');
  stdout.write(formatManPage({ version, commands, topics: TOPICS }));
  return EXIT.ok;
}

/** Multipass's text. */
function unknown(word: string, commands: readonly Command[]): Error {
  const shown = commands.filter(({ hidden }) => hidden !== true);
  const known = [
    ...shown.flatMap(({ name, aliases }) => [name, ...aliases]),
    ...TOPICS.map(({ name }) => name),
  ];
  return usageError(`Error: Unknown Command: '${word}'`, guess(word, known));
}
