import { checkStoreFormat } from '../../store/format.js';
import { usageError, type Command } from '../command.js';
import { Failures } from '../failures.js';
import { tellWhoHolds } from '../waiting.js';
import { EXIT } from '../exit-codes.js';

export const purge: Command = {
  name: 'purge',
  aliases: [],
  summary: 'Purge all deleted instances permanently',
  description: 'Purge all deleted instances permanently, including all their data.',
  usage: '',
  argument: 'none',
  options: [
    {
      flags: ['--images'],
      description: 'Remove the images as well that no instance stands on',
      takesValue: false,
    },
  ],
  async run({ context, args, options }) {
    if (args.length > 0) throw usageError('This command takes no arguments');
    const { listInstances } = await import('../../vm/list-instances.js');
    const { purgeDeletedInstance } = await import('../../vm/delete-instance.js');
    const { prepareStore } = await import('../../vm/sweep.js');
    // What dead commands left is swept even when nothing is deleted: purge is how a user makes room.
    if (checkStoreFormat(context.layout)) await prepareStore(context.layout);
    const work = { work: { signal: context.signal, onWait: tellWhoHolds(context) } };
    const failures = new Failures();
    for (const view of await listInstances(context.layout)) {
      if (view.state !== 'Deleted') continue;
      await failures.collect(() => purgeDeletedInstance(context.layout, view.name, work));
    }
    failures.throwIfAny();
    if (options['images'] === true && checkStoreFormat(context.layout)) {
      const { purgeUnusedImages } = await import('../../vm/images/purge-images.js');
      await purgeUnusedImages(context.layout);
    }
    return EXIT.ok;
  },
};
