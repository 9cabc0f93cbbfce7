import { defineChange } from '../define-change.js';
import { usageError } from '../failures.js';
import { STATE_OF_DISK } from '../format/state-of-disk.js';
import { guardByThisCommand } from '../guard-program.js';
import { CHANGE, flag, textOption } from '../options.js';
import { withWork } from '../work.js';

export const snapshot = defineChange({
  name: 'snapshot',
  summary: 'Take a snapshot of an instance',
  description: 'Take a snapshot of a (stopped) instance that can later be restored.',
  usage: '<instance>',
  parameters: [['instance', 'The instance to take a snapshot of']],
  argument: ['stopped-instance'],
  options: {
    name: textOption({
      flags: ['-n', '--name'],
      value: 'name',
      description:
        'Name of the snapshot. By default the first free one of snapshot1, snapshot2, ...',
    }),
    comment: textOption({
      flags: ['-m', '--comment'],
      hiddenFlags: ['-c'],
      value: 'comment',
      description: 'A comment to keep with the snapshot',
    }),
    live: flag({
      flags: ['--live'],
      argument: 'running-instance',
      description:
        'Of a running instance, take one of its disk as it is at one moment; it goes on running',
    }),
    memory: flag({
      flags: ['--memory'],
      description: 'With --live, save its memory as well: restore then goes on from there',
    }),
    ...CHANGE,
  },
  async run(invocation, outcome) {
    const [name, ...more] = invocation.args;
    if (name === undefined) throw usageError('Please provide the name of the instance.');
    if (more.length > 0) throw usageError('Too many arguments.');
    const vm = await invocation.context.store.instance(name);
    const { name: called, comment, live, memory } = invocation.options;
    if (memory && !live) throw usageError("The 'memory' option needs the 'live' option.");
    if (live) await guardByThisCommand();
    const taken = await withWork(invocation, `Taking snapshot of ${name}`, (work) =>
      vm.snapshot({ name: called, comment, live, memory, work }),
    );
    const { consistency = 'stopped' } = taken;
    const disk = consistency === 'stopped' ? '' : `, ${STATE_OF_DISK[consistency]}`;
    const state = memory ? ', with its memory' : disk;
    outcome.print(`Snapshot taken: ${name}.${taken.name}${state}\n`);
    outcome.set({ instance: name, snapshot: taken.name, consistency, memory });
    return undefined;
  },
});
