import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { RESULT_FORMAT } from '../options.js';

export const tree = defineCommand({
  name: 'tree',
  summary: 'Show what came from what',
  description:
    'Show images, instances, snapshots and clones by where they came from, with the bytes that ' +
    'each holds alone and shares.',
  options: { format: RESULT_FORMAT },
  async run({ context, options }) {
    const { formatTree } = await import('../format/tree.js');
    context.stdout.write(formatTree(await context.store.tree(), options.format));
    return EXIT.ok;
  },
});
