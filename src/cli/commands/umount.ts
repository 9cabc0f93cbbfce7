import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { forEach, usageError } from '../failures.js';
import { PROGRESS } from '../options.js';
import { parsePlace } from '../parse.js';
import { withWork } from '../work.js';

export const umount = defineCommand({
  name: 'umount',
  aliases: ['unmount'],
  summary: 'Unmount a directory from an instance',
  description:
    'Unmount a directory from an instance: <name>:<path>, or all of an instance without a path.',
  usage: '<mount> [<mount> ...]',
  argument: 'instance',
  options: PROGRESS,
  async run(invocation) {
    const { args, context } = invocation;
    const { layout } = context;
    if (args.length === 0) throw usageError('Not enough arguments given');
    const { unmountFolder } = await import('../../vm/mounts/unmount-folder.js');
    await withWork(invocation, `Unmounting ${args.join(', ')}`, (work) =>
      forEach(args.map(parsePlace), ({ of: name, path: target }) =>
        unmountFolder({ layout, name, target, work }),
      ),
    );
    return EXIT.ok;
  },
});
