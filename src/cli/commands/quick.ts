import type { Command, MakeCommands } from '../command.js';
import { completeNames } from './complete-names.js';
import { list } from './list.js';
import { version } from './version.js';

/** The commands that prompts, status lines and completion run again and again. */
export const quickCommands: MakeCommands = (): readonly Command[] => [completeNames, list, version];
