import { stripVTControlCharacters } from 'node:util';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { flag } from '../options.js';
import { parseOneName } from '../parse.js';

export const logs = defineCommand({
  name: 'logs',
  summary: 'Show what an instance writes to its console',
  description:
    'Show what the guest of an instance wrote to its console in this run, or in the last one; the end of it is kept, ' +
    'a megabyte at most.',
  usage: '<name>',
  parameters: [['name', 'The instance']],
  argument: ['instance'],
  options: {
    follow: flag({
      flags: ['-f', '--follow'],
      description: 'Go on with what is written, until the instance stops',
    }),
    qemu: flag({
      flags: ['--qemu'],
      description: 'Show what QEMU had to say, in place of the guest',
    }),
  },
  async run({ context, args, options }) {
    const name = parseOneName(args);
    const { store, signal, stdout } = context;
    // Colours and the like mean nothing here: no text of a guest steers a terminal.
    const shown = (text: string): string =>
      stdout.isTerminal ? stripVTControlCharacters(text).replaceAll('\r', '') : text;
    const of = options.qemu ? 'qemu' : 'console';
    const vm = await store.instance(name);
    const pieces = vm.logs({ of, follow: options.follow, signal });
    for await (const text of pieces) stdout.write(shown(text));
    return EXIT.ok;
  },
});
