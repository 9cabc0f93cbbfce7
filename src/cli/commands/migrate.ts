import {
  optionValue,
  parseResultFormat,
  RESULT_FORMAT_OPTION,
  usageError,
  type Command,
} from '../command.js';
import { EXIT } from '../exit-codes.js';
import { tellWarning } from '../problems.js';
import { Spinner } from '../spinner.js';

export const migrate: Command = {
  name: 'migrate',
  aliases: [],
  summary: 'Bring the instances of an old Multipass over',
  description:
    'Bring the instances of an old Multipass over: all of them, or those named. The old data is left as it is, unless --move is given.',
  usage: '[<name> ...]',
  argument: 'none',
  options: [
    {
      flags: ['--from'],
      value: 'dir',
      takesValue: true,
      description:
        'Where the old data is: a MULTIPASS_STORAGE folder, a multipassd data folder, or /var/snap/multipass/common. By default it is looked for',
    },
    { flags: ['--copy'], takesValue: false, description: 'Leave the old data as it is (default)' },
    {
      flags: ['--move'],
      takesValue: false,
      description: 'Delete the old files of each instance once it has safely come over',
    },
    { flags: ['--dry-run'], takesValue: false, description: 'Say what would be done, do nothing' },
    RESULT_FORMAT_OPTION,
  ],
  async run(invocation) {
    const { context, args, options } = invocation;
    const format = parseResultFormat(invocation);
    if (options['copy'] === true && options['move'] === true) {
      throw usageError('Cannot specify --copy and --move at the same time');
    }
    const { migrate: run } = await import('../../vm/migrate/migrate.js');
    const { formatMigrationReport } = await import('../format/migration-report.js');
    const spinner = await Spinner.start(context.stderr, 'Migrating');
    try {
      const { report, complete } = await run({
        layout: context.layout,
        from: optionValue(invocation, 'from'),
        host: context,
        names: args,
        mode: options['move'] === true ? 'move' : 'copy',
        dryRun: options['dry-run'] === true,
        work: {
          signal: context.signal,
          onProgress: ({ instance, fraction }) => {
            if (fraction === null) spinner.say(`Migrating ${instance ?? ''}`);
            spinner.progress(fraction ?? undefined);
          },
        },
      });
      spinner.stop();
      for (const problem of report.errors) tellWarning(context, problem);
      if (report.dryRun) context.stderr.write('Dry run: nothing was changed.\n');
      context.stdout.write(formatMigrationReport(report, format));
      if (complete) return EXIT.ok;
      context.stderr.write('migrate failed: not everything came over; the report says why\n');
      return EXIT.failed;
    } finally {
      spinner.stop();
    }
  },
};
