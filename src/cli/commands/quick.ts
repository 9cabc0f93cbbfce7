import type { Command, MakeCommands } from '../command.js';
import { list } from './list.js';
import { version } from './version.js';

/** The commands that prompts and status lines run again and again. */
export const quickCommands: MakeCommands = (): readonly Command[] => [list, version];
