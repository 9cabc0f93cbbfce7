import { defineChange } from '../define-change.js';
import { EXIT } from '../exit-codes.js';
import { usageError } from '../failures.js';
import { CHANGE, flag, textOption } from '../options.js';
import { withWork, type Title } from '../work.js';

const TITLE: Title = {
  first: 'Migrating',
  of: ({ instance }) => (instance === null ? 'Migrating' : `Migrating ${instance}`),
};

export const migrate = defineChange({
  name: 'migrate',
  summary: 'Bring the instances of an old Multipass over',
  description:
    'Bring the instances of an old Multipass over: all of them, or those named. The old data is ' +
    'left as it is, unless --move is given.',
  usage: '[<name> ...]',
  parameters: [['name', 'An instance to bring over; all without']],
  options: {
    from: textOption({
      flags: ['--from'],
      completes: 'folder',
      value: 'dir',
      description:
        'Where the old data is: a MULTIPASS_STORAGE folder, a multipassd data folder, or ' +
        '/var/snap/multipass/common. By default it is looked for',
    }),
    copy: flag({ flags: ['--copy'], description: 'Leave the old data as it is (default)' }),
    move: flag({
      flags: ['--move'],
      description: 'Delete the old files of each instance once it has safely come over',
    }),
    dryRun: flag({ flags: ['--dry-run'], description: 'Say what would be done, do nothing' }),
    ...CHANGE,
  },
  async run(invocation, outcome) {
    const { context, args: names, options } = invocation;
    const { from, copy, move, dryRun } = options;
    if (copy && move) throw usageError('Cannot specify --copy and --move at the same time');
    const { store, stderr } = context;
    const mode = move ? 'move' : 'copy';
    const { formatMigrationReport, migrationJson } = await import('../format/migration-report.js');
    const { report, complete } = await withWork(invocation, TITLE, async (work) => {
      const outcome = await store.migrate({ from, names, mode, dryRun, work });
      for (const problem of outcome.report.errors) work.warn(problem);
      return outcome;
    });
    if (report.dryRun) stderr.write('Dry run: nothing was changed.\n');
    outcome.print(formatMigrationReport(report));
    outcome.set(migrationJson(report));
    if (complete) return EXIT.ok;
    stderr.write('migrate failed: not everything came over; the report says why\n');
    return EXIT.failed;
  },
});
