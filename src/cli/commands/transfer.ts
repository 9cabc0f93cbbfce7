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
    const { layout } = context;
    const { recursive, parents } = options;
    const plan = planTransfer(args);
    if (plan.way === 'to-stdout' && outcome.isJson) {
      throw usageError('Standard output cannot have a file and JSON');
    }
    const title = `Transferring ${args.slice(0, -1).join(', ')}`;
    switch (plan.way) {
      case 'up': {
        const { upload } = await import('../../vm/transfer/upload.js');
        const { sources, target } = plan;
        await withWork(invocation, title, (work) =>
          upload({
            layout,
            name: target.name,
            sources,
            target: target.path,
            recursive,
            parents,
            work,
          }),
        );
        break;
      }
      case 'down': {
        const { download } = await import('../../vm/transfer/download.js');
        const { sources, target } = plan;
        await withWork(invocation, title, (work) =>
          download({ layout, sources, target, recursive, parents, work }),
        );
        break;
      }
      case 'from-stdin': {
        const { uploadBytes } = await import('../../vm/transfer/upload.js');
        const { name, path: target } = plan.target;
        const content = context.stdinPieces();
        await withWork(invocation, title, (work) =>
          uploadBytes({ layout, name, target, content, parents, work }),
        );
        break;
      }
      case 'to-stdout': {
        const { downloadBytes } = await import('../../vm/transfer/download.js');
        const { source } = plan;
        await withWork(invocation, title, (work) =>
          downloadBytes({ layout, source, work, take: (data) => context.stdout.writeBytes(data) }),
        );
        break;
      }
    }
    const transferred = outcome.list('transferred');
    for (const source of args.slice(0, -1)) transferred(source);
    return undefined;
  },
});
