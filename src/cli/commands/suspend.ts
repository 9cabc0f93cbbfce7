import { isLive } from '../../command-line.js';
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
    const { store } = invocation.context;
    const names = await selectNamesOrPrimary(invocation, ({ state }) => isLive(state));
    const suspended = outcome.list('suspended');
    await withWork(invocation, `Suspending ${names.join(', ')}`, (work) =>
      forEach(names, async (name) => {
        const vm = await store.instance(name);
        await vm.suspend({ work });
        suspended(name);
      }),
    );
    return undefined;
  },
});
