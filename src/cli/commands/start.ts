import { startOrLaunch } from '../bring-up.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { forEach } from '../failures.js';
import { PROGRESS, TIMEOUT } from '../options.js';
import { allOption, selectNamesOrPrimary } from '../select.js';

export const start = defineCommand({
  name: 'start',
  summary: 'Start instances',
  description:
    'Start the named instances; without a name, the primary one, which is launched when it does ' +
    'not exist. Exits with 0 when the instances can be entered.',
  usage: '[<name> ...]',
  argument: 'instance',
  options: { ...allOption('Start all instances'), timeout: TIMEOUT, ...PROGRESS },
  async run(invocation) {
    const { timeout } = invocation.options;
    const names = await selectNamesOrPrimary(
      invocation,
      ({ state }) => state === 'Stopped' || state === 'Suspended',
    );
    await forEach(names, (name) => startOrLaunch(invocation, name, timeout));
    return EXIT.ok;
  },
});
