import { loadConfinement, loadListForwards } from '../../command-line.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { usageError } from '../failures.js';
import { flag, FORMAT } from '../options.js';
import { withRuntime } from '../runtime.js';
import {
  tellEmulation,
  tellPending,
  tellProblems,
  tellStandstills,
  tellStrayTags,
} from '../tell.js';

export const info = defineCommand({
  name: 'info',
  summary: 'Display information about instances or snapshots',
  description:
    'Display information about instances or snapshots; without a name, about all of them.',
  usage: '[<instance>[.<snapshot>] ...]',
  parameters: [
    ['instance', 'An instance to tell about'],
    ['snapshot', 'A snapshot of it, to tell about that'],
  ],
  argument: 'instance-or-snapshot',
  options: {
    snapshots: flag({
      flags: ['--snapshots'],
      description: 'Display detailed information about the snapshots of the instances',
    }),
    all: flag({ flags: ['--all'], description: 'Display all instances', hidden: true }),
    format: FORMAT,
    noRuntimeInformation: flag({
      flags: ['--no-runtime-information'],
      description: 'Tell only what is known without asking the instances',
      hidden: true,
    }),
  },
  async run({ context, args, options }) {
    const { layout, primary } = context;
    const { collectAll, collectNamed } = await import('../collect-info.js');
    const { formatInfo } = await import('../format/info.js');
    if (options.all) {
      if (args.length === 1) throw usageError('Cannot specify name when --all option set');
      if (args.length > 1) throw usageError('Cannot specify names when --all option set');
      context.stderr.write(
        'Warning: the `--all` option is deprecated: `info` without a name is about all instances.\n',
      );
    }
    const kind = options.snapshots ? 'snapshots' : 'instances';
    const found =
      args.length === 0 ? await collectAll(layout, kind) : await collectNamed(layout, kind, args);
    const known = found.instances.map(({ view }) => view);
    const views = options.noRuntimeInformation ? known : await withRuntime(known, context);
    const { forwardsOf } = await loadListForwards();
    const forwards = await forwardsOf(layout, views);
    const instances = found.instances.map((one, at) => ({
      ...one,
      view: views[at] ?? one.view,
      forwards: forwards.filter(({ instance }) => instance === one.view.name),
    }));
    const errors = found.problems.map(({ problem }) => problem.message);
    const all = { ...found, instances, errors, primary, kind } as const;
    context.stdout.write(formatInfo(all, options.format));
    const broken = known.flatMap((view) => (view.state === 'Broken' ? [view] : []));
    tellProblems(context, [...broken, ...found.problems]);
    tellStandstills(context, views);
    tellPending(context, views);
    if (options.snapshots) tellStrayTags(context, found.strays);
    await tellEmulation(context, views);
    const { logConfinement } = await loadConfinement();
    await logConfinement();
    return EXIT.ok;
  },
});
