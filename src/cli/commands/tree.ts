import { parseResultFormat, RESULT_FORMAT_OPTION, usageError, type Command } from '../command.js';
import { EXIT } from '../exit-codes.js';

export const tree: Command = {
  name: 'tree',
  aliases: [],
  summary: 'Show what came from what',
  description:
    'Show images, instances, snapshots and clones by where they came from, with the bytes that each holds alone and shares.',
  usage: '',
  argument: 'none',
  options: [RESULT_FORMAT_OPTION],
  async run(invocation) {
    const { context, args } = invocation;
    if (args.length > 0) throw usageError('This command takes no arguments');
    const format = parseResultFormat(invocation);
    const { lineageTree } = await import('../../vm/lineage/tree.js');
    const { formatTree } = await import('../format/tree.js');
    context.stdout.write(formatTree(await lineageTree(context.layout), format));
    return EXIT.ok;
  },
};
