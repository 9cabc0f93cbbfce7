import { COMPLETION_SHELLS } from '../completion/completion-command.js';
import { completionScript } from '../completion/completion-script.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { usageError } from '../failures.js';

export const completionCommand = defineCommand({
  name: 'completion',
  summary: 'Print a completion script for a shell',
  description:
    'Print a completion script. For bash: source <(multipass completion bash), in ~/.bashrc; for zsh the same in ' +
    '~/.zshrc, below compinit; for fish: multipass completion fish | source.',
  usage: 'bash|zsh|fish',
  argument: ['shell'],
  options: {},
  run({ context, args }) {
    const shell = COMPLETION_SHELLS.find((name) => name === args[0]);
    if (shell === undefined || args.length > 1) {
      throw usageError(`Please name one shell: ${COMPLETION_SHELLS.join(', ')}.`);
    }
    context.stdout.write(completionScript(shell));
    return EXIT.ok;
  },
});
