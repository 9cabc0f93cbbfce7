import { loadDeleteInstance } from '../../command-line.js';
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
    const { layout, store } = invocation.context;
    const { namesToPurge, purgeDeletedInstance } = await loadDeleteInstance();
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
      for (const id of await store.purgeImages()) images(id);
    });
    return undefined;
  },
});
