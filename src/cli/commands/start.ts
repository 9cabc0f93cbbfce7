import { loadReadInstance, loadRequireStartable } from '../../command-line.js';
import { startOrLaunch } from '../bring-up.js';
import { defineChange } from '../define-change.js';
import { forEach } from '../failures.js';
import { mountedLine } from '../format/launch.js';
import { CHANGE, TIMEOUT } from '../options.js';
import { allOption, selectNamesOrPrimary } from '../select.js';

export const start = defineChange({
  name: 'start',
  summary: 'Start instances',
  description:
    'Start the named instances; without a name, the primary one, which is launched when it does ' +
    'not exist. Exits with 0 when the instances can be entered.',
  usage: '[<name> ...]',
  parameters: [['name', 'An instance to start']],
  argument: 'resting-instance',
  options: { ...allOption('Start all instances'), timeout: TIMEOUT, ...CHANGE },
  async run(invocation, outcome) {
    const { timeout } = invocation.options;
    const names = await selectNamesOrPrimary(
      invocation,
      ({ state }) => state === 'Stopped' || state === 'Suspended',
    );
    const { requireStartable } = await loadRequireStartable();
    // The primary one is launched when it is not there.
    const { layout, primary } = invocation.context;
    const { exists } = await loadReadInstance();
    const known = names.filter((name) => name !== primary || exists(layout, name));
    requireStartable(layout, known);
    const started = outcome.list('started');
    await forEach(names, async (name) => {
      const mounted = await startOrLaunch(invocation, name, timeout);
      started(name);
      for (const home of mounted) outcome.print(mountedLine(home, name));
    });
    return undefined;
  },
});
