import { isLive } from '../../vm/state.js';
import { defineChange } from '../define-change.js';
import { forEach } from '../failures.js';
import { CHANGE } from '../options.js';
import { allOption, selectNamesOrPrimary } from '../select.js';
import { withWork } from '../work.js';

export const suspend = defineChange({
  name: 'suspend',
  summary: 'Suspend running instances',
  description: 'Suspend the named instances, if running; without a name, the primary one.',
  usage: '[<name> ...]',
  parameters: [['name', 'An instance to suspend']],
  argument: 'running-instance',
  options: { ...allOption('Suspend all instances'), ...CHANGE },
  async run(invocation, outcome) {
    const { layout } = invocation.context;
    const names = await selectNamesOrPrimary(invocation, ({ state }) => isLive(state));
    const { suspendInstance } = await import('../../vm/run/suspend-instance.js');
    const suspended = outcome.list('suspended');
    await withWork(invocation, `Suspending ${names.join(', ')}`, (work) =>
      forEach(names, async (name) => {
        await suspendInstance({ layout, name, work });
        suspended(name);
      }),
    );
    return undefined;
  },
});
