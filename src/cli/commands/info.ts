import { FORMAT_OPTION, optionValue, type Command } from '../command.js';
import { asked } from '../asked.js';
import type { CliContext } from '../context.js';
import type { InstanceInfo } from '../format/info-items.js';
import { EXIT } from '../exit-codes.js';
import { parseOutputFormat } from '../format/output-format.js';
import { tellProblems } from '../problems.js';
import { tellStrayTags } from '../stray-tags.js';

async function askedInfo(
  instances: readonly InstanceInfo[],
  context: CliContext,
): Promise<InstanceInfo[]> {
  const views = await asked(
    instances.map(({ view }) => view),
    context,
  );
  return instances.map((info, at) => ({ ...info, view: views[at] ?? info.view }));
}

export const info: Command = {
  name: 'info',
  aliases: [],
  summary: 'Display information about instances or snapshots',
  description:
    'Display information about instances or snapshots; without a name, about all of them.',
  usage: '[<instance>[.<snapshot>] ...]',
  argument: 'instance',
  options: [
    {
      flags: ['--snapshots'],
      description: 'Display detailed information about the snapshots of the instances',
      takesValue: false,
    },
    FORMAT_OPTION,
    {
      flags: ['--no-runtime-information'],
      description: 'Tell only what is known without asking the instances',
      takesValue: false,
      hidden: true,
    },
  ],
  async run(invocation) {
    const { context, args, options } = invocation;
    const { layout, primary } = context;
    const format = parseOutputFormat(optionValue(invocation, 'format') ?? 'table');
    const { collectAll, collectNamed } = await import('../collect-info.js');
    const { formatInfo } = await import('../format/info.js');
    const kind = options['snapshots'] === true ? 'snapshots' : 'instances';
    const found =
      args.length === 0 ? await collectAll(layout, kind) : await collectNamed(layout, kind, args);
    const isQuiet = options['no-runtime-information'] === true;
    const instances = isQuiet ? found.instances : await askedInfo(found.instances, context);
    const errors = found.problems.map(({ problem }) => problem.message);
    context.stdout.write(formatInfo({ ...found, instances, errors, primary, kind }, format));
    const broken = found.instances.flatMap(({ view }) => (view.state === 'Broken' ? [view] : []));
    tellProblems(context, [...broken, ...found.problems]);
    if (kind === 'snapshots') tellStrayTags(context, found.strays);
    return EXIT.ok;
  },
};
