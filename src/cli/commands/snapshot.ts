import { optionValue, usageError, type Command } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { Spinner } from '../spinner.js';
import { tellWhoHolds } from '../waiting.js';

export const snapshot: Command = {
  name: 'snapshot',
  aliases: [],
  summary: 'Take a snapshot of an instance',
  description: 'Take a snapshot of a (stopped) instance that can later be restored.',
  usage: '<instance>',
  argument: 'stopped-instance',
  options: [
    {
      flags: ['-n', '--name'],
      value: 'name',
      description:
        'Name of the snapshot. By default the first free one of snapshot1, snapshot2, ...',
      takesValue: true,
    },
    {
      flags: ['-m', '--comment'],
      value: 'comment',
      description: 'A comment to keep with the snapshot',
      takesValue: true,
    },
    // The parser knows one short flag an option.
    {
      flags: ['-c'],
      value: 'comment',
      description: 'Same as --comment',
      takesValue: true,
      hidden: true,
    },
  ],
  async run(invocation) {
    const { context, args } = invocation;
    const [instance, ...more] = args;
    if (instance === undefined) throw usageError('Please provide the name of the instance.');
    if (more.length > 0) throw usageError('Too many arguments.');
    const { takeSnapshot } = await import('../../vm/snapshots/take-snapshot.js');
    const spinner = await Spinner.start(context.stderr, `Taking snapshot of ${instance}`);
    try {
      const { name } = await takeSnapshot({
        layout: context.layout,
        name: instance,
        texts: {
          name: optionValue(invocation, 'name'),
          comment: optionValue(invocation, 'comment') ?? optionValue(invocation, 'c'),
        },
        work: { signal: context.signal, onWait: tellWhoHolds(context, spinner) },
      });
      spinner.stop();
      context.stdout.write(`Snapshot taken: ${instance}.${name}\n`);
      return EXIT.ok;
    } finally {
      spinner.stop();
    }
  },
};
