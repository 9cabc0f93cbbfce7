import { isLive } from '../../vm/state.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { forEach } from '../failures.js';
import { PROGRESS } from '../options.js';
import { allOption, selectNamesOrPrimary } from '../select.js';
import { withWork } from '../work.js';

export const suspend = defineCommand({
  name: 'suspend',
  summary: 'Suspend running instances',
  description: 'Suspend the named instances, if running; without a name, the primary one.',
  usage: '[<name> ...]',
  argument: 'running-instance',
  options: { ...allOption('Suspend all instances'), ...PROGRESS },
  async run(invocation) {
    const { layout } = invocation.context;
    const names = await selectNamesOrPrimary(invocation, ({ state }) => isLive(state));
    const { suspendInstance } = await import('../../vm/run/suspend-instance.js');
    await withWork(invocation, `Suspending ${names.join(', ')}`, (work) =>
      forEach(names, (name) => suspendInstance({ layout, name, work })),
    );
    return EXIT.ok;
  },
});
