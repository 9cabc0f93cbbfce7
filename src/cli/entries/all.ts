// The command whole.
import { allCommands } from '../commands/all.js';
import { runProcess } from '../run-process.js';

void runProcess(allCommands);
