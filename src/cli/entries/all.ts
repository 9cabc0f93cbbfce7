// The command whole.
import { openStore } from '../../index.js';
import { allCommands } from '../commands/all.js';
import { runProcess } from '../run-process.js';

void runProcess({ makeCommands: allCommands, openStore });
