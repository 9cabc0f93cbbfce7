import { optionValue, usageError, type Command, type Invocation } from '../command.js';
import { isLive } from '../../vm/state.js';
import { EXIT } from '../exit-codes.js';
import { Failures } from '../failures.js';
import { selectNamesOrPrimary } from '../primary.js';
import { Spinner } from '../spinner.js';
import { tellWhoHolds } from '../waiting.js';

export const stop: Command = {
  name: 'stop',
  aliases: [],
  summary: 'Stop running instances',
  description: 'Stop the named instances, if running; without a name, the primary one.',
  usage: '[<name> ...]',
  argument: 'running-instance',
  options: [
    { flags: ['--all'], description: 'Stop all instances', takesValue: false },
    {
      flags: ['-t', '--time'],
      value: 'time',
      description: 'Time from now, in minutes, to delay shutdown of the instance',
      takesValue: true,
    },
    {
      flags: ['-c', '--cancel'],
      description: 'Cancel a pending delayed shutdown',
      takesValue: false,
    },
    {
      flags: ['--force'],
      description: 'Cut the power instead, and drop the saved memory of suspended instances',
      takesValue: false,
    },
  ],
  async run(invocation) {
    const { context, options } = invocation;
    const { layout, signal } = context;
    const when = parseWhen(invocation);
    const names = await selectNamesOrPrimary(invocation, ({ state }) => isLive(state));
    const { stopInstance } = await import('../../vm/run/stop-instance.js');
    const { scheduleStop } = await import('../../vm/run/schedule-stop.js');
    const spinner = await Spinner.start(context.stderr, `Stopping ${names.join(', ')}`);
    const request = { layout, work: { signal, onWait: tellWhoHolds(context, spinner) } };
    const failures = new Failures();
    try {
      for (const name of names) {
        await failures.collect(async () => {
          if (when === 'now') {
            await stopInstance({ ...request, name, force: options['force'] === true });
          } else {
            await scheduleStop({ ...request, name, minutes: when === 'never' ? null : when });
          }
        });
      }
    } finally {
      spinner.stop();
    }
    failures.throwIfAny();
    return EXIT.ok;
  },
};

/** When to stop: at once, in some minutes, or not any more. @throws MultipassError USAGE with Multipass's texts */
function parseWhen(invocation: Invocation): 'now' | 'never' | number {
  const time = optionValue(invocation, 'time');
  const { cancel, force } = invocation.options;
  if (time !== undefined && cancel === true) {
    throw usageError("Cannot set 'time' and 'cancel' options at the same time");
  }
  if (force === true && (time !== undefined || cancel === true)) {
    const other = cancel === true ? 'cancel' : 'time';
    throw usageError(`Cannot set 'force' and '${other}' options at the same time`);
  }
  if (cancel === true) return 'never';
  if (time === undefined) return 'now';
  const minutes = /^\+?([0-9]{1,6})$/.exec(time)?.[1];
  if (minutes === undefined) throw usageError('Time must be in digit form');
  return Number(minutes) === 0 ? 'now' : Number(minutes);
}
