import { parseTimeout, TIMEOUT_OPTION, type Command } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { Failures } from '../failures.js';
import { selectNamesOrPrimary } from '../primary.js';
import { startOrLaunch } from '../start-or-launch.js';

export const start: Command = {
  name: 'start',
  aliases: [],
  summary: 'Start instances',
  description:
    'Start the named instances; without a name, the primary one, which is launched when it does not exist. Exits with 0 when the instances can be entered.',
  usage: '[<name> ...]',
  argument: 'instance',
  options: [
    { flags: ['--all'], description: 'Start all instances', takesValue: false },
    TIMEOUT_OPTION,
  ],
  async run(invocation) {
    const { context } = invocation;
    const timeoutMs = parseTimeout(invocation);
    const names = await selectNamesOrPrimary(
      invocation,
      ({ state }) => state === 'Stopped' || state === 'Suspended',
    );
    const failures = new Failures();
    for (const name of names) {
      await failures.collect(() => startOrLaunch({ context, name, timeoutMs }));
    }
    failures.throwIfAny();
    return EXIT.ok;
  },
};
