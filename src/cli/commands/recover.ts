import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { forEach } from '../failures.js';
import { PROGRESS } from '../options.js';
import { allOption, selectInstances } from '../select.js';
import { withWork } from '../work.js';

export const recover = defineCommand({
  name: 'recover',
  summary: 'Recover deleted instances',
  description: 'Recover deleted instances so they can be used again.',
  usage: '<name> [<name> ...]',
  argument: 'deleted-instance',
  options: { ...allOption('Recover all deleted instances'), ...PROGRESS },
  async run(invocation) {
    const { layout } = invocation.context;
    const { recoverInstance } = await import('../../vm/delete-instance.js');
    const selected = await selectInstances(invocation, ({ state }) => state === 'Deleted');
    await withWork(
      invocation,
      `Recovering ${selected.map(({ name }) => name).join(', ')}`,
      (work) =>
        forEach(selected, ({ name, seen }) => recoverInstance(layout, name, { seen, work })),
    );
    return EXIT.ok;
  },
});
