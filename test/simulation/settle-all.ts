import { instanceEntryNames } from '../../src/store/listing.js';
import { StoreLayout } from '../../src/store/layout.js';
import { openInstance } from '../../src/vm/open.js';
import { prepareStore } from '../../src/vm/sweep.js';
import { Work } from '../../src/work.js';

/** One more command on each instance, which changes nothing of it: opened, it is put in order. */
export async function settleAll(root: string): Promise<void> {
  const layout = new StoreLayout(root);
  await prepareStore(layout);
  for (const name of instanceEntryNames(layout)) {
    const opened = await openInstance(layout, name, {
      for: 'test',
      states: ['Stopped', 'Suspended', 'Deleted'],
      copy: 'allowed',
      disk: 'any',
      work: Work.of({}),
    });
    await opened[Symbol.asyncDispose]();
  }
}
