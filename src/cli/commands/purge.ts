import { checkStoreFormat } from '../../store/format.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { forEach, usageError } from '../failures.js';
import { flag, PROGRESS } from '../options.js';
import { withWork } from '../work.js';

export const purge = defineCommand({
  name: 'purge',
  aliases: [],
  summary: 'Purge all deleted instances permanently',
  description: 'Purge all deleted instances permanently, including all their data.',
  usage: '',
  argument: 'none',
  options: {
    images: flag({
      flags: ['--images'],
      description: 'Remove the images as well that no instance stands on',
    }),
    ...PROGRESS,
  },
  async run(invocation) {
    const { args, options } = invocation;
    if (args.length > 0) throw usageError('This command takes no arguments');
    const { layout } = invocation.context;
    const { listInstances } = await import('../../vm/list-instances.js');
    const { purgeDeletedInstance } = await import('../../vm/delete-instance.js');
    const { prepareStore } = await import('../../vm/sweep.js');
    await withWork(invocation, 'Purging', async (work) => {
      // What dead commands left is swept even when nothing is deleted: purge is how a user makes room.
      if (checkStoreFormat(layout)) await prepareStore(layout);
      const views = await listInstances(layout);
      const deleted = views.filter(({ state }) => state === 'Deleted');
      await forEach(deleted, ({ name }) => purgeDeletedInstance(layout, name, { work }));
      if (options.images && checkStoreFormat(layout)) {
        const { purgeUnusedImages } = await import('../../vm/images/purge-images.js');
        await purgeUnusedImages(layout);
      }
    });
    return EXIT.ok;
  },
});
