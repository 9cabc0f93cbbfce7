import { MultipassError } from '../../errors.js';
import type { InstanceView, SnapshotView } from '../../vm/instance-view.js';
import { FORMAT_OPTION, optionValue, type Command } from '../command.js';
import type { CliContext } from '../context.js';
import { parseOutputFormat } from '../format/output-format.js';
import { tellProblems } from '../problems.js';
import { Failures } from '../failures.js';
import { EXIT } from '../exit-codes.js';

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
    const format = parseOutputFormat(optionValue(invocation, 'format') ?? 'table');
    const { formatInfo } = await import('../format/info.js');
    const names = args.length > 0 ? args : await allNames(context);
    const failures = new Failures();
    const found: Found = { instances: [], snapshots: [] };
    for (const name of new Set(names)) {
      await failures.collect(async () => {
        await lookUp(context, name, options['snapshots'] === true, found);
      });
    }
    failures.throwIfAny();
    const { primary } = context;
    context.stdout.write(formatInfo({ ...found, primary }, format));
    tellProblems(
      context,
      found.instances.flatMap(({ view }) => (view.state === 'Broken' ? [view] : [])),
    );
    return EXIT.ok;
  },
};

interface Found {
  instances: { view: InstanceView; snapshotCount: number }[];
  snapshots: SnapshotView[];
}

async function allNames(context: CliContext): Promise<string[]> {
  const { listInstances } = await import('../../vm/list-instances.js');
  return (await listInstances(context.layout)).map(({ name }) => name);
}

async function lookUp(
  context: CliContext,
  argument: string,
  withSnapshots: boolean,
  found: Found,
): Promise<void> {
  const { layout } = context;
  const { viewInstance } = await import('../../vm/list-instances.js');
  const { snapshotsOf } = await import('../../vm/list-snapshots.js');
  const { countSnapshots, requireSnapshot } = await import('../../vm/snapshots.js');
  const [name = '', ...rest] = argument.split('.');
  const snapshotName = rest.length === 0 ? undefined : rest.join('.');
  const view = viewInstance(layout, name);
  if (snapshotName !== undefined) {
    if (view.state === 'Broken') throw brokenInstance(view.name, view.problem.message);
    found.snapshots.push(requireSnapshot(snapshotsOf(layout, name), snapshotName, name));
  } else if (withSnapshots && view.state !== 'Broken') {
    found.snapshots.push(...snapshotsOf(layout, name));
  } else {
    const snapshotCount = view.state === 'Broken' ? 0 : countSnapshots(layout.instance(name));
    found.instances.push({ view, snapshotCount });
  }
}

function brokenInstance(name: string, problem: string): MultipassError {
  return new MultipassError('INSTANCE_BROKEN', `instance "${name}" is broken: ${problem}`, {
    hint: 'See `multipass list` for what to do.',
  });
}
