import { delimiter } from 'node:path';
import { isAliasName } from '../../command-line.js';
import type { Command } from '../command.js';
import { defineChange } from '../define-change.js';
import type { CliContext } from '../context.js';
import { usageError } from '../failures.js';
import { flag, RESULT_FORMAT } from '../options.js';
import { parsePlace } from '../parse.js';

/** Made with a function that gives all commands: an alias may not be called as one of them is. */
export function aliasCommand(commands: () => readonly Command[]): Command {
  return defineChange({
    name: 'alias',
    summary: 'Create an alias',
    description:
      'Create an alias: a name for a command on an instance, which is run by "multipass <name>", and by ' +
      'the name alone once the folder that this tells is in PATH.',
    usage: '<instance>:<command> [<name>]',
    parameters: [
      ['instance', 'The instance that the command is run on'],
      ['command', 'The command there'],
      ['name', 'What the alias is called; by default as the command is'],
    ],
    argument: ['instance-path'],
    options: {
      noMapWorkingDirectory: flag({
        flags: ['-n', '--no-map-working-directory'],
        description: 'Do not map the host execution path to a mounted path',
      }),
      format: RESULT_FORMAT,
    },
    async run({ context, args: [definition, given, ...more], options }, outcome) {
      if (definition === undefined || more.length > 0) {
        throw usageError('Wrong number of arguments given');
      }
      const { of: instance, path: command = '' } = parsePlace(definition);
      if (instance === '') throw usageError('No instance name given');
      if (command === '') throw usageError('No command given');
      const name = given ?? command;
      if (!isAliasName(name)) throw usageError('Alias has to be a valid filename');
      if (commands().some((known) => known.name === name || known.aliases.includes(name))) {
        throw usageError(`Alias name '${name}' clashes with a command name`);
      }
      const { store, signal } = context;
      const workingDirectory = options.noMapWorkingDirectory ? 'default' : 'map';
      await store.defineAlias({ name, instance, command, workingDirectory, work: { signal } });
      outcome.set({ alias: name, instance, command, working_directory: workingDirectory });
      outcome.note(`made: ${name} for ${instance}:${command}`);
      adviseOnPath(context);
      return undefined;
    },
  });
}

function adviseOnPath({ env, layout, stderr }: CliContext): void {
  if ((env['PATH'] ?? '').split(delimiter).includes(layout.bin)) return;
  stderr.write(
    "You'll need to add this to your shell configuration (.bashrc, .zshrc or so) for aliases to work without " +
      `prefixing with \`multipass\`:\n\nPATH="$PATH:${layout.bin}"\n`,
  );
}
