import { defineChange } from '../define-change.js';
import { usageError } from '../failures.js';
import { CHANGE, flag } from '../options.js';
import { planTransfer } from '../transfer-places.js';
import { withWork } from '../work.js';

export const transfer = defineChange({
  name: 'transfer',
  aliases: ['copy-files'],
  summary: 'Transfer files between the host and instances',
  description:
    'Copy files and directories between the host and running instances. A path in an instance is written ' +
    "<name>:<path>, a relative one is in the user's home there; '-' stands for stdin or stdout.",
  usage: '<source> [<source> ...] <destination>',
  parameters: [
    ['source', 'A path of this host, <name>:<path>, or - for stdin'],
    ['destination', 'The same; - is stdout'],
  ],
  examples: [
    ['multipass transfer notes.txt web:', 'a file into the home in web'],
    ['multipass transfer -r web:/var/log .', 'a directory out of it'],
  ],
  argument: 'place',
  options: {
    recursive: flag({
      flags: ['-r', '--recursive'],
      description: 'Recursively copy entire directories',
    }),
    parents: flag({
      flags: ['-p', '--parents'],
      description: 'Make parent directories as needed',
    }),
    ...CHANGE,
  },
  async run(invocation, outcome) {
    const { context, args, options } = invocation;
    const { store } = context;
    const { recursive, parents } = options;
    const plan = planTransfer(args);
    if (plan.way === 'to-stdout' && outcome.isJson) {
      throw usageError('Standard output cannot have a file and JSON');
    }
    const title = `Transferring ${args.slice(0, -1).join(', ')}`;
    switch (plan.way) {
      case 'up': {
        const { sources, target } = plan;
        const vm = await store.instance(target.name);
        await withWork(invocation, title, (work) =>
          vm.upload(sources, target.path, { recursive, parents, work }),
        );
        break;
      }
      case 'down': {
        const { sources, target } = plan;
        await withWork(invocation, title, (work) =>
          store.download(sources, target, { recursive, parents, work }),
        );
        break;
      }
      case 'from-stdin': {
        const { name, path } = plan.target;
        const vm = await store.instance(name);
        const content = context.stdinPieces();
        await withWork(invocation, title, (work) => vm.writeFile(path, content, { parents, work }));
        break;
      }
      case 'to-stdout': {
        const { name, path } = plan.source;
        const vm = await store.instance(name);
        const take = (data: Uint8Array): Promise<void> => context.stdout.writeBytes(data);
        await withWork(invocation, title, (work) => vm.streamFile(path, take, { work }));
        break;
      }
    }
    const transferred = outcome.list('transferred');
    for (const source of args.slice(0, -1)) transferred(source);
    return undefined;
  },
});
