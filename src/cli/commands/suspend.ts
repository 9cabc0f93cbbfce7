import type { Command } from '../command.js';
import { isLive } from '../../vm/state.js';
import { EXIT } from '../exit-codes.js';
import { Failures } from '../failures.js';
import { selectNamesOrPrimary } from '../primary.js';
import { Spinner } from '../spinner.js';
import { tellWhoHolds } from '../waiting.js';

export const suspend: Command = {
  name: 'suspend',
  aliases: [],
  summary: 'Suspend running instances',
  description: 'Suspend the named instances, if running; without a name, the primary one.',
  usage: '[<name> ...]',
  argument: 'running-instance',
  options: [{ flags: ['--all'], description: 'Suspend all instances', takesValue: false }],
  async run(invocation) {
    const { context } = invocation;
    const { layout, signal } = context;
    const names = await selectNamesOrPrimary(invocation, ({ state }) => isLive(state));
    const { suspendInstance } = await import('../../vm/run/suspend-instance.js');
    const spinner = await Spinner.start(context.stderr, `Suspending ${names.join(', ')}`);
    const work = { signal, onWait: tellWhoHolds(context, spinner) };
    const failures = new Failures();
    try {
      for (const name of names)
        await failures.collect(() => suspendInstance({ layout, name, work }));
    } finally {
      spinner.stop();
    }
    failures.throwIfAny();
    return EXIT.ok;
  },
};
