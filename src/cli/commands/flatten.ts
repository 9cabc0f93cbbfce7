import { usageError, type Command } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { Spinner } from '../spinner.js';
import { tellWhoHolds } from '../waiting.js';

export const flatten: Command = {
  name: 'flatten',
  aliases: [],
  summary: 'Make an instance independent of what it was made from',
  description:
    'Copy what an instance shares with an image or with other instances into its own disk. It takes time and space, and others are not affected.',
  usage: '<name>',
  argument: 'stopped-instance',
  options: [],
  async run({ context, args }) {
    const [name, ...more] = args;
    if (name === undefined || more.length > 0) {
      throw usageError('Please provide the name of one instance.');
    }
    const { layout, signal } = context;
    const { flattenInstance } = await import('../../vm/flatten-instance.js');
    const spinner = await Spinner.start(context.stderr, `Flattening ${name}`);
    try {
      await flattenInstance({
        layout,
        name,
        work: {
          signal,
          onProgress: ({ fraction }) => spinner.progress(fraction ?? undefined),
          onWait: tellWhoHolds(context, spinner),
        },
      });
    } finally {
      spinner.stop();
    }
    return EXIT.ok;
  },
};
