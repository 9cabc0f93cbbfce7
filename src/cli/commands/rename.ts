import { usageError, type Command } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { tellWhoHolds } from '../waiting.js';

export const rename: Command = {
  name: 'rename',
  aliases: [],
  summary: 'Give an instance another name',
  description:
    'Give a stopped instance another name. Its snapshots, mounts and identity stay; the hostname in the guest follows at the next start.',
  usage: '<name> <new-name>',
  argument: 'stopped-instance',
  options: [],
  async run({ context, args }) {
    const [name, newName, ...more] = args;
    if (name === undefined || newName === undefined || more.length > 0) {
      throw usageError('Please provide the name of an instance and its new name.');
    }
    const { layout, signal } = context;
    const { renameInstance } = await import('../../vm/rename-instance.js');
    await renameInstance({
      layout,
      name,
      newName,
      work: { signal, onWait: tellWhoHolds(context) },
    });
    context.stdout.write(`Renamed ${name} to ${newName}.\n`);
    return EXIT.ok;
  },
};
