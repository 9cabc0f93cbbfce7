import { isLive } from '../../command-line.js';
import { defineChange } from '../define-change.js';
import { forEach, usageError } from '../failures.js';
import { CHANGE, flag, valueOption } from '../options.js';
import { parseMinutes } from '../parse.js';
import { allOption, selectNamesOrPrimary } from '../select.js';
import { withWork } from '../work.js';

export const stop = defineChange({
  name: 'stop',
  summary: 'Stop running instances',
  description: 'Stop the named instances, if running; without a name, the primary one.',
  usage: '[<name> ...]',
  parameters: [['name', 'An instance to stop']],
  argument: 'running-instance',
  options: {
    ...allOption('Stop all instances'),
    time: valueOption({
      flags: ['-t', '--time'],
      value: 'time',
      description: 'Time from now, in minutes, to delay shutdown of the instance',
      parse: parseMinutes,
    }),
    cancel: flag({
      flags: ['-c', '--cancel'],
      description: 'Cancel a pending delayed shutdown',
    }),
    force: flag({
      flags: ['--force'],
      description: 'Cut the power instead, and drop the saved memory of suspended instances',
    }),
    ...CHANGE,
  },
  async run(invocation, outcome) {
    const { store } = invocation.context;
    const { time = 0, cancel, force } = invocation.options;
    requireOneWay(invocation.options);
    const names = await selectNamesOrPrimary(invocation, ({ state }) => isLive(state));
    const key = cancel ? 'cancelled' : time > 0 ? 'scheduled' : 'stopped';
    const done = outcome.list(key);
    await withWork(invocation, `Stopping ${names.join(', ')}`, (work) =>
      forEach(names, async (name) => {
        const vm = await store.instance(name);
        if (cancel || time > 0) await vm.scheduleStop(cancel ? null : time, { work });
        else await vm.stop({ force, work });
        done(name);
      }),
    );
    return undefined;
  },
});

interface StopOptions {
  readonly time: number | undefined;
  readonly cancel: boolean;
  readonly force: boolean;
}

/** @throws MultipassError USAGE, with Multipass's texts, for options that exclude each other */
function requireOneWay({ time, cancel, force }: StopOptions): void {
  if (time !== undefined && cancel) {
    throw usageError("Cannot set 'time' and 'cancel' options at the same time");
  }
  if (force && (time !== undefined || cancel)) {
    const other = cancel ? 'cancel' : 'time';
    throw usageError(`Cannot set 'force' and '${other}' options at the same time`);
  }
}
