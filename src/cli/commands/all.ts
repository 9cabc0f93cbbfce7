import type { Command } from '../command.js';
import { clone } from './clone.js';
import { completeNames } from './complete-names.js';
import { completionCommand } from './completion.js';
import { deleteCommand } from './delete.js';
import { helpCommand } from './help.js';
import { info } from './info.js';
import { list } from './list.js';
import { migrate } from './migrate.js';
import { purge } from './purge.js';
import { recover } from './recover.js';
import { version } from './version.js';

/** Every command, in the order of the help. */
export function allCommands(helpOf: (name: string | undefined) => string | undefined): Command[] {
  const commands: Command[] = [
    clone,
    completionCommand(() => commands),
    deleteCommand,
    helpCommand(helpOf),
    info,
    list,
    migrate,
    purge,
    recover,
    version,
    completeNames,
  ];
  return commands;
}
