import type { CliContext } from './context.js';
import { ownCommand } from './own-command.js';

/** Our own command, and which store is meant, whatever the environment of ssh is. */
export function sshProgram({ layout }: Pick<CliContext, 'layout'>): string[] {
  return ['env', `MULTIPASS_STORAGE=${layout.root}`, ...ownCommand()];
}
