// A few commands alone, in a program a fifth as long: see bin.ts.
import { quickCommands } from '../commands/quick.js';
import { runProcess } from '../run-process.js';

void runProcess(quickCommands);
