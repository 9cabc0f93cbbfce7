// A few commands alone, in a program a fifth as long: see bin.ts.
import { quickCommands } from '../commands/quick.js';
import { runProcess } from '../run-process.js';

void runProcess({
  makeCommands: quickCommands,
  openStore() {
    // It would bring the library with it.
    throw new Error('the quick program opens no store');
  },
});
