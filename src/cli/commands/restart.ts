import { isLive } from '../../vm/state.js';
import { defineChange } from '../define-change.js';
import { forEach } from '../failures.js';
import { CHANGE, flag, TIMEOUT } from '../options.js';
import { allOption, selectNamesOrPrimary } from '../select.js';
import { withWork } from '../work.js';

export const restart = defineChange({
  name: 'restart',
  summary: 'Restart instances',
  description:
    'Restart the named instances, which must be running; without a name, the primary one. Exits ' +
    'with 0 when they can be entered again.',
  usage: '[<name> ...]',
  parameters: [['name', 'An instance to restart']],
  argument: 'running-instance',
  options: {
    ...allOption('Restart all instances'),
    force: flag({
      flags: ['--force'],
      description:
        'Reset the machine instead, as its reset button would: for a guest that does not answer',
    }),
    timeout: TIMEOUT,
    ...CHANGE,
  },
  async run(invocation, outcome) {
    const { layout, env } = invocation.context;
    const { timeout: timeoutMs, force } = invocation.options;
    const names = await selectNamesOrPrimary(invocation, ({ state }) => isLive(state));
    const { restartInstance } = await import('../../vm/run/restart-instance.js');
    const restarted = outcome.list('restarted');
    await withWork(invocation, `Restarting ${names.join(', ')}`, (work) =>
      forEach(names, async (name) => {
        await restartInstance({ layout, name, env, timeoutMs, force, work });
        restarted(name);
      }),
    );
    return undefined;
  },
});
