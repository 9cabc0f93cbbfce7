import { loadListInstances, loadListSnapshots } from '../../command-line.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { usageError } from '../failures.js';
import { flag, FORMAT } from '../options.js';
import { withRuntime } from '../runtime.js';
import { tellPending, tellProblems, tellStandstills, tellStrayTags } from '../tell.js';

export const list = defineCommand({
  name: 'list',
  aliases: ['ls'],
  summary: 'List all available instances or snapshots',
  description: 'List all instances or snapshots which have been created.',
  options: {
    snapshots: flag({ flags: ['--snapshots'], description: 'List all available snapshots' }),
    format: FORMAT,
    noIpv4: flag({
      flags: ['--no-ipv4'],
      description: 'Do not query the instances for the IPv4 they use',
      hidden: true,
    }),
  },
  async run({ context, options: { snapshots: wantsSnapshots, noIpv4, format } }) {
    const { listInstances } = await loadListInstances();
    if (wantsSnapshots) {
      if (noIpv4) {
        throw usageError('IP addresses are not applicable in conjunction with listing snapshots');
      }
      const { listSnapshots } = await loadListSnapshots();
      const { formatSnapshotList } = await import('../format/snapshot-list.js');
      const { snapshots, problems, strays } = await listSnapshots(context.layout);
      context.stdout.write(formatSnapshotList(snapshots, format));
      tellProblems(context, problems);
      tellStrayTags(context, strays);
      return EXIT.ok;
    }
    const { formatList } = await import('../format/list.js');
    const known = await listInstances(context.layout);
    const views = noIpv4 ? known : await withRuntime(known, context);
    context.stdout.write(formatList(views, format, { primary: context.primary }));
    tellProblems(
      context,
      views.flatMap((view) => (view.state === 'Broken' ? [view] : [])),
    );
    tellStandstills(context, views);
    tellPending(context, views);
    return EXIT.ok;
  },
});
