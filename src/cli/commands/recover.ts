import { loadDeleteInstance } from '../../command-line.js';
import { defineChange } from '../define-change.js';
import { forEach } from '../failures.js';
import { CHANGE } from '../options.js';
import { allOption, selectInstances } from '../select.js';
import { withWork } from '../work.js';

export const recover = defineChange({
  name: 'recover',
  summary: 'Recover deleted instances',
  description: 'Recover deleted instances so they can be used again.',
  usage: '<name> [<name> ...]',
  parameters: [['name', 'An instance to recover']],
  argument: 'deleted-instance',
  options: { ...allOption('Recover all deleted instances'), ...CHANGE },
  async run(invocation, outcome) {
    const { layout } = invocation.context;
    const { recoverInstance } = await loadDeleteInstance();
    const selected = await selectInstances(invocation, ({ state }) => state === 'Deleted');
    const recovered = outcome.list('recovered');
    await withWork(
      invocation,
      `Recovering ${selected.map(({ name }) => name).join(', ')}`,
      (work) =>
        forEach(selected, async ({ name, seen }) => {
          await recoverInstance(layout, name, { seen, work });
          recovered(name);
        }),
    );
    return undefined;
  },
});
