import { parseTimeout, TIMEOUT_OPTION, type Command } from '../command.js';
import { isLive } from '../../vm/state.js';
import { EXIT } from '../exit-codes.js';
import { Failures } from '../failures.js';
import { selectNamesOrPrimary } from '../primary.js';
import { Spinner } from '../spinner.js';
import { tellWhoHolds } from '../waiting.js';

export const restart: Command = {
  name: 'restart',
  aliases: [],
  summary: 'Restart instances',
  description:
    'Restart the named instances, which must be running; without a name, the primary one. Exits with 0 when they can be entered again.',
  usage: '[<name> ...]',
  argument: 'running-instance',
  options: [
    { flags: ['--all'], description: 'Restart all instances', takesValue: false },
    TIMEOUT_OPTION,
  ],
  async run(invocation) {
    const { context } = invocation;
    const { layout, env, signal } = context;
    const timeoutMs = parseTimeout(invocation);
    const names = await selectNamesOrPrimary(invocation, ({ state }) => isLive(state));
    const { restartInstance } = await import('../../vm/run/restart-instance.js');
    const spinner = await Spinner.start(context.stderr, `Restarting ${names.join(', ')}`);
    const work = { signal, onWait: tellWhoHolds(context, spinner) };
    const request = { layout, env, timeoutMs, work };
    const failures = new Failures();
    try {
      for (const name of names) await failures.collect(() => restartInstance({ ...request, name }));
    } finally {
      spinner.stop();
    }
    failures.throwIfAny();
    return EXIT.ok;
  },
};
