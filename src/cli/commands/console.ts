import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { parseOneName } from '../parse.js';

export const consoleCommand = defineCommand({
  name: 'console',
  summary: 'Open the serial console of an instance',
  description:
    'Open the serial console of a running instance, which needs no network and no ssh; Ctrl-] leaves it. One at a ' +
    'time has it. What the guest has written before is shown by `logs`.',
  usage: '<name>',
  parameters: [['name', 'The instance']],
  argument: ['running-instance'],
  options: {},
  async run({ context, args }) {
    const name = parseOneName(args);
    const { store, signal, stderr } = context;
    const { joinConsole } = await import('../console-session.js');
    const vm = await store.instance(name);
    await using console = await vm.console({ work: { signal } });
    if (context.terminal) stderr.write(`The console of "${name}". Ctrl-] leaves it.\n`);
    const how = await joinConsole(console.socket, context);
    if (how === 'ended') stderr.write(`\n"${name}" has stopped.\n`);
    else if (context.terminal) stderr.write('\n');
    return EXIT.ok;
  },
});
