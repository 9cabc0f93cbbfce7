import type { CloneChoices, CloneReport } from '../../index.js';
import { loadHostMemory, loadReadInstance } from '../../command-line.js';
import type { Invocation } from '../command.js';
import { defineChange } from '../define-change.js';
import { forEachAtOnce, usageError } from '../failures.js';
import { guardByThisCommand } from '../guard-program.js';
import { CHANGE, flag, repeatedOption, textOption, valueOption } from '../options.js';
import { parseCount, parseCpus, parseSize } from '../parse.js';
import { parseForwardPattern } from '../parse-forward.js';
import { parseNamedSnapshot } from '../select.js';
import { withWork } from '../work.js';

const OPTIONS = {
  name: textOption({
    flags: ['-n', '--name'],
    value: 'name',
    description:
      'Name of the copy; with --count, {n} in it stands for 1, 2, ... By default the first free ' +
      'one of <source>-clone1, <source>-clone2, ...',
  }),
  count: valueOption({
    flags: ['--count'],
    value: 'number',
    description: 'Make so many copies: all of them or none',
    parse: parseCount,
  }),
  linked: flag({
    flags: ['--linked'],
    description: 'Copy no data: source and copy stand on what both have until now',
  }),
  cold: flag({
    flags: ['--cold'],
    description: 'Of a suspended instance, copy the disk and leave the memory behind',
  }),
  live: flag({
    flags: ['--live'],
    argument: 'running-instance',
    description:
      'Of a running instance, copy the disk as it is at one moment; it goes on running, and its memory is left behind',
  }),
  warm: flag({
    flags: ['--warm'],
    argument: 'instance-or-snapshot',
    description:
      'Of a running or suspended instance, or a snapshot with memory, let the copies begin with that memory: ' +
      'at their first start they go on from there, as machines of their own',
  }),
  full: flag({
    flags: ['--full'],
    description: 'With --warm: let cloud-init do all of a first boot at that start',
  }),
  cpus: valueOption({
    flags: ['--cpus'],
    value: 'cpus',
    description: 'Number of CPUs of the copy',
    parse: parseCpus,
  }),
  memory: valueOption({
    flags: ['--memory'],
    value: 'memory',
    description: 'Amount of memory of the copy',
    parse: parseSize,
  }),
  disk: valueOption({
    flags: ['--disk'],
    value: 'disk',
    description: 'Disk space of the copy; at least what the source has',
    parse: parseSize,
  }),
  noMounts: flag({ flags: ['--no-mounts'], description: 'Leave the mounts of the source out' }),
  resetStaticAddresses: flag({
    flags: ['--reset-static-addresses'],
    description: 'Let DHCP give the addresses that the network-config of the source sets',
  }),
  forward: repeatedOption({
    flags: ['--forward'],
    value: 'forward',
    description:
      'Let a port of this host lead into the copy, as forward does; with --count, {n} is its ' +
      'number: 8080+{n}:80. Can be used multiple times',
    parse: parseForwardPattern,
  }),
  start: flag({ flags: ['--start'], description: 'Start the copies' }),
  dryRun: flag({ flags: ['--dry-run'], description: 'Tell what would be done, and do nothing' }),
  ...CHANGE,
};

export const clone = defineChange({
  name: 'clone',
  summary: 'Clone an instance',
  description:
    'Create an independent copy of an existing (stopped) instance, or of one of its snapshots.',
  usage: '<source>[.<snapshot>]',
  parameters: [
    ['source', 'The instance to copy'],
    ['snapshot', 'One of its snapshots, to copy its state then'],
  ],
  argument: ['stopped-or-snapshot'],
  options: OPTIONS,
  async run(invocation, outcome) {
    const { options, context } = invocation;
    const { name, count, dryRun } = options;
    const { source, choices } = wishOf(invocation);
    if (options.start && options.dryRun) {
      throw usageError("Cannot set 'start' and 'dry-run' options at the same time");
    }
    await guardByThisCommand();
    if (options.start && count !== undefined) await requireMemoryFor(invocation, source, count);
    const vm = await context.store.instance(source);
    const report = await withWork(invocation, `Cloning ${source}`, async (work) => {
      const done = dryRun
        ? await (count === undefined
            ? vm.clone(name, { ...choices, work, dryRun })
            : vm.cloneMany(count, name, { ...choices, work, dryRun }))
        : await told(async (onReport) => {
            const how = { ...choices, work, onReport };
            if (count === undefined) await vm.clone(name, how);
            else await vm.cloneMany(count, name, how);
          });
      const warnings = [...done.clones.flatMap(({ unchanged }) => unchanged), ...done.warnings];
      for (const warning of warnings) work.warn(warning);
      return done;
    });
    const { cloneJson, formatCloneResult } = await import('../format/clone-result.js');
    outcome.print(formatCloneResult(report));
    outcome.set(cloneJson(report));
    if (!options.start) return undefined;
    const started = outcome.list('started');
    const { startsAtOnce } = await loadHostMemory();
    const title = report.clones.map(({ name }) => name).join(', ');
    await withWork(invocation, `Starting ${title}`, async (work) => {
      await forEachAtOnce(report.clones, startsAtOnce(), async ({ name }) => {
        await (await context.store.instance(name)).start({ work: work.beside() });
        started(name);
      });
    });
    return undefined;
  },
});

/** Before anything is made: several that do not fit would take it from each other. */
async function requireMemoryFor(
  { options, context }: Invocation<typeof OPTIONS>,
  source: string,
  count: number,
): Promise<void> {
  const { readInstance } = await loadReadInstance();
  const { requireHostMemory } = await loadHostMemory();
  const { memory = readInstance(context.layout, source).spec.memory } = options;
  if (count > 1) requireHostMemory(count, memory);
}

function wishOf({ args: [argument, ...more], options }: Invocation<typeof OPTIONS>): {
  source: string;
  choices: CloneChoices;
} {
  if (argument === undefined) throw usageError('Please provide the name of the source instance.');
  if (more.length > 0) throw usageError('Too many arguments.');
  const { instance: source, snapshot } = parseNamedSnapshot(argument);
  const { linked, cold, live, warm, full, cpus, memory, disk, noMounts, resetStaticAddresses } =
    options;
  const overrides = { cpus, memory, disk, noMounts, resetStaticAddresses };
  const forwards = options.forward.length === 0 ? undefined : options.forward;
  return { source, choices: { snapshot, linked, cold, live, warm, full, overrides, forwards } };
}

/** What a call tells by the function that it is given. */
async function told(
  call: (onReport: (report: CloneReport) => void) => Promise<void>,
): Promise<CloneReport> {
  const reports: CloneReport[] = [];
  await call((report) => void reports.push(report));
  const [report] = reports;
  if (report === undefined) throw new Error('a clone without a report');
  return report;
}
