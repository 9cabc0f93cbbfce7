import {
  optionValue,
  parseResultFormat,
  RESULT_FORMAT_OPTION,
  usageError,
  type Command,
} from '../command.js';
import { tellWarning } from '../problems.js';
import { Spinner } from '../spinner.js';
import { tellWhoHolds } from '../waiting.js';
import { EXIT } from '../exit-codes.js';

export const clone: Command = {
  name: 'clone',
  aliases: [],
  summary: 'Clone an instance',
  description: 'Create an independent copy of an existing (stopped) instance.',
  usage: '<source>',
  argument: 'stopped-instance',
  options: [
    {
      flags: ['-n', '--name'],
      value: 'name',
      takesValue: true,
      description:
        'Name of the copy. By default the first free one of <source>-clone1, <source>-clone2, ...',
    },
    RESULT_FORMAT_OPTION,
  ],
  async run(invocation) {
    const { context, args } = invocation;
    const [source, ...more] = args;
    if (source === undefined) {
      throw usageError('Please provide the name of the source instance.');
    }
    if (more.length > 0) throw usageError('Too many arguments.');
    const format = parseResultFormat(invocation);
    const { cloneInstance } = await import('../../vm/clone/clone-instance.js');
    const spinner = await Spinner.start(context.stderr, `Cloning ${source}`);
    try {
      const report = await cloneInstance({
        layout: context.layout,
        source,
        name: optionValue(invocation, 'name'),
        signal: context.signal,
        onProgress: ({ fraction }) => spinner.progress(fraction),
        onWait: tellWhoHolds(context, spinner),
      });
      spinner.stop();
      for (const { name, unchanged } of report.clones) {
        for (const warning of unchanged) tellWarning(context, warning);
        if (format === 'table') context.stdout.write(`Cloned from ${source} to ${name}.\n`);
      }
      if (format === 'json') {
        const { formatCloneResultJson } = await import('../format/clone-result.js');
        context.stdout.write(formatCloneResultJson(report));
      }
      return EXIT.ok;
    } finally {
      spinner.stop();
    }
  },
};
