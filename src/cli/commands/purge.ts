import { defineChange } from '../define-change.js';
import { forEach } from '../failures.js';
import { CHANGE, flag } from '../options.js';
import { withWork } from '../work.js';

export const purge = defineChange({
  name: 'purge',
  summary: 'Purge all deleted instances permanently',
  description: 'Purge all deleted instances permanently, including all their data.',
  options: {
    images: flag({
      flags: ['--images'],
      description: 'Remove the images as well that no instance stands on',
    }),
    ...CHANGE,
  },
  async run(invocation, outcome) {
    const { options } = invocation;
    const { layout } = invocation.context;
    const { namesToPurge, purgeDeletedInstance } = await import('../../vm/delete-instance.js');
    const purged = outcome.list('purged');
    const images = options.images ? outcome.list('images') : undefined;
    await withWork(invocation, 'Purging', async (work) => {
      const names = await namesToPurge(layout);
      if (names === undefined) return;
      await forEach(names, async (name) => {
        await purgeDeletedInstance(layout, name, { isListed: true, work });
        purged(name);
      });
      if (images === undefined) return;
      const { purgeUnusedImages } = await import('../../vm/images/purge-images.js');
      for (const id of await purgeUnusedImages(layout)) images(id);
    });
    return undefined;
  },
});
