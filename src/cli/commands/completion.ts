import { COMPLETION_SHELLS } from '../completion/completion-command.js';
import { completionScript } from '../completion/completion-script.js';
import { defineCommand, type Command } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { usageError } from '../failures.js';
import { HELP, VERBOSE } from '../options.js';

/** Made with the list of all commands, itself included. */
export function completionCommand(commands: () => readonly Command[]): Command {
  return defineCommand({
    name: 'completion',
    summary: 'Print a completion script for a shell',
    description:
      'Print a completion script. For bash: source <(multipass completion bash), in ~/.bashrc.',
    usage: 'bash|zsh|fish',
    argument: 'shell',
    options: {},
    run({ context, args }) {
      const shell = COMPLETION_SHELLS.find((name) => name === args[0]);
      if (shell === undefined || args.length > 1) {
        throw usageError(`Please name one shell: ${COMPLETION_SHELLS.join(', ')}.`);
      }
      const shown = commands()
        .filter(({ hidden }) => hidden !== true)
        .map((command) => ({
          ...command,
          options: [...command.options.filter(({ hidden }) => hidden !== true), HELP, VERBOSE],
        }));
      context.stdout.write(completionScript(shell, shown));
      return EXIT.ok;
    },
  });
}
