import { defineCommand, type Command } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { usageError } from '../failures.js';

/** Made with a function that gives the help of a command, or of all (undefined), or nothing when there is none. */
export function helpCommand(helpOf: (name: string | undefined) => string | undefined): Command {
  return defineCommand({
    name: 'help',
    summary: 'Display help about a command',
    description: 'Display help for the command specified, or the list of all commands.',
    usage: '[<command>]',
    argument: 'command',
    options: {},
    run({ context, args }) {
      if (args.length > 1) throw usageError('Too many arguments given');
      const text = helpOf(args[0]);
      if (text === undefined) throw usageError(`Error: Unknown Command: '${args[0] ?? ''}'`);
      context.stdout.write(text);
      return EXIT.ok;
    },
  });
}
