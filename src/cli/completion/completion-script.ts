import { bashCompletion } from './bash.js';
import type { CompletionCommand, CompletionShell } from './completion-command.js';
import { fishCompletion } from './fish.js';
import { zshCompletion } from './zsh.js';

const GENERATORS: Record<CompletionShell, (commands: readonly CompletionCommand[]) => string> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/**
 * The script that teaches a shell to complete `multipass`. It gets names from the hidden `multipass __complete KIND`,
 * KIND being an argument that is a name (`instance`, `alias`, …), one name a line; a line that is no name is dropped,
 * and none is ever evaluated.
 */
export function completionScript(
  shell: CompletionShell,
  commands: readonly CompletionCommand[],
): string {
  return GENERATORS[shell](commands);
}
