import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { forEach } from '../failures.js';
import { flag, PROGRESS } from '../options.js';
import { withWork } from '../work.js';

export const purge = defineCommand({
  name: 'purge',
  summary: 'Purge all deleted instances permanently',
  description: 'Purge all deleted instances permanently, including all their data.',
  options: {
    images: flag({
      flags: ['--images'],
      description: 'Remove the images as well that no instance stands on',
    }),
    ...PROGRESS,
  },
  async run(invocation) {
    const { options } = invocation;
    const { layout } = invocation.context;
    const { namesToPurge, purgeDeletedInstance } = await import('../../vm/delete-instance.js');
    await withWork(invocation, 'Purging', async (work) => {
      const names = await namesToPurge(layout);
      if (names === undefined) return;
      await forEach(names, (name) => purgeDeletedInstance(layout, name, { isListed: true, work }));
      if (!options.images) return;
      const { purgeUnusedImages } = await import('../../vm/images/purge-images.js');
      await purgeUnusedImages(layout);
    });
    return EXIT.ok;
  },
});
