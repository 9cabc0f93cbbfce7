import { isLive } from '../../command-line.js';
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
    const { store } = invocation.context;
    const { timeout: timeoutMs, force } = invocation.options;
    const names = await selectNamesOrPrimary(invocation, ({ state }) => isLive(state));
    const restarted = outcome.list('restarted');
    await withWork(invocation, `Restarting ${names.join(', ')}`, (work) =>
      forEach(names, async (name) => {
        const vm = await store.instance(name);
        await vm.restart({ timeoutMs, force, work });
        restarted(name);
      }),
    );
    return undefined;
  },
});
