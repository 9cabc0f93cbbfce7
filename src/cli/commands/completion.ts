import { completionScript } from '../completion/completion-script.js';
import { COMPLETION_SHELLS } from '../completion/completion-command.js';
import { HELP, usageError, VERBOSE, type Command } from '../command.js';
import { EXIT } from '../exit-codes.js';

/** Made with the list of all commands, itself included. */
export function completionCommand(commands: () => readonly Command[]): Command {
  return {
    name: 'completion',
    aliases: [],
    summary: 'Print a completion script for a shell',
    description:
      'Print a completion script. For bash: source <(multipass completion bash), in ~/.bashrc.',
    usage: 'bash|zsh|fish',
    argument: 'shell',
    options: [],
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
      return Promise.resolve(EXIT.ok);
    },
  };
}
