import { FORMAT_OPTION, optionValue, usageError, type Command } from '../command.js';
import { parseOutputFormat } from '../format/output-format.js';
import { tellProblems } from '../problems.js';
import { tellStrayTags } from '../stray-tags.js';
import { EXIT } from '../exit-codes.js';
import { asked } from '../asked.js';

export const list: Command = {
  name: 'list',
  aliases: ['ls'],
  summary: 'List all available instances or snapshots',
  description: 'List all instances or snapshots which have been created.',
  usage: '',
  argument: 'none',
  options: [
    {
      flags: ['--snapshots'],
      description: 'List all available snapshots',
      takesValue: false,
    },
    FORMAT_OPTION,
    {
      flags: ['--no-ipv4'],
      description: 'Do not query the instances for the IPv4 they use',
      takesValue: false,
      hidden: true,
    },
  ],
  async run(invocation) {
    const { context, args, options } = invocation;
    if (args.length > 0) throw usageError('This command takes no arguments');
    const format = parseOutputFormat(optionValue(invocation, 'format') ?? 'table');
    const { listInstances } = await import('../../vm/list-instances.js');
    if (options['snapshots'] === true) {
      if (options['no-ipv4'] === true) {
        throw usageError('IP addresses are not applicable in conjunction with listing snapshots');
      }
      const { listSnapshots } = await import('../../vm/snapshots/list-snapshots.js');
      const { formatSnapshotList } = await import('../format/snapshot-list.js');
      const { snapshots, problems, strays } = await listSnapshots(context.layout);
      context.stdout.write(formatSnapshotList(snapshots, format));
      tellProblems(context, problems);
      tellStrayTags(context, strays);
      return EXIT.ok;
    }
    const { formatList } = await import('../format/list.js');
    const listed = await listInstances(context.layout);
    const views = options['no-ipv4'] === true ? listed : await asked(listed, context);
    context.stdout.write(formatList(views, format, { primary: context.primary }));
    tellProblems(
      context,
      views.flatMap((view) => (view.state === 'Broken' ? [view] : [])),
    );
    return EXIT.ok;
  },
};
