import { complete } from '../completion/complete.js';
import { offerText } from '../completion/offer.js';
import { defineCommand, type Command } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { HELP, VERBOSE } from '../options.js';

/**
 * For the completion scripts, which keep what it says on stderr to themselves. Never sweeps. Made with the list of all
 * commands.
 */
export function completeCommand(commands: () => readonly Command[]): Command {
  return defineCommand({
    name: '__complete',
    summary: 'Print words for completion',
    description:
      'Print what could stand in the place of the last word, for the completion scripts.',
    usage: '-- <word> ...',
    parameters: [['word', 'The words of a command line, without multipass']],
    options: {},
    hidden: true,
    async run({ context, args }) {
      const known = commands().map((command) => ({
        ...command,
        options: [...command.options, HELP, VERBOSE],
      }));
      const shown = known.filter(({ hidden }) => hidden !== true);
      const helped = [
        ...shown.flatMap(({ name, aliases, summary: description }) =>
          [name, ...aliases].map((word) => ({ word, description })),
        ),
        ...shown
          .flatMap(({ topics = [] }) => topics)
          .map(([word, description]) => ({ word, description })),
      ];
      context.stdout.write(
        offerText(await complete(args, known, { from: context, helped }), args.at(-1) ?? ''),
      );
      return EXIT.ok;
    },
  });
}
