import { usageError, type Command } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { Failures } from '../failures.js';
import { Spinner } from '../spinner.js';
import { tellWhoHolds } from '../waiting.js';

export const umount: Command = {
  name: 'umount',
  aliases: ['unmount'],
  summary: 'Unmount a directory from an instance',
  description:
    'Unmount a directory from an instance: <name>:<path>, or all of an instance without a path.',
  usage: '<mount> [<mount> ...]',
  argument: 'instance',
  options: [],
  async run(invocation) {
    const { context, args } = invocation;
    const { layout, signal } = context;
    if (args.length === 0) throw usageError('Not enough arguments given');
    const { unmountFolder } = await import('../../vm/mounts/unmount-folder.js');
    const spinner = await Spinner.start(context.stderr, `Unmounting ${args.join(', ')}`);
    const failures = new Failures();
    try {
      const work = { signal, onWait: tellWhoHolds(context, spinner) };
      for (const mount of args) {
        const [name = '', ...path] = mount.split(':');
        const target = path.length === 0 ? undefined : path.join(':');
        await failures.collect(() => unmountFolder({ layout, name, target, work }));
      }
    } finally {
      spinner.stop();
    }
    failures.throwIfAny();
    return EXIT.ok;
  },
};
