import { BASH_COMPLETION } from './bash.js';
import type { CompletionShell } from './completion-command.js';
import { FISH_COMPLETION } from './fish.js';
import { ZSH_COMPLETION } from './zsh.js';

const SCRIPTS: Readonly<Record<CompletionShell, string>> = {
  bash: BASH_COMPLETION,
  zsh: ZSH_COMPLETION,
  fish: FISH_COMPLETION,
};

/**
 * The script that teaches a shell to complete `multipass`. All that it knows, it gets from one call of the hidden
 * command `__complete`, which is given the words of the line; a line that is no plain word is dropped.
 */
export function completionScript(shell: CompletionShell): string {
  return SCRIPTS[shell];
}
