import { defineChange } from '../define-change.js';
import { forEach, usageError } from '../failures.js';
import { CHANGE } from '../options.js';
import { parsePlace } from '../parse.js';
import { withWork } from '../work.js';

export const umount = defineChange({
  name: 'umount',
  aliases: ['unmount'],
  summary: 'Unmount a directory from an instance',
  description:
    'Unmount a directory from an instance: <name>:<path>, or all of an instance without a path.',
  usage: '<mount> [<mount> ...]',
  parameters: [['mount', '<name>:<path>, or <name> for all that is mounted there']],
  argument: 'mounted',
  options: CHANGE,
  async run(invocation, outcome) {
    const { args, context } = invocation;
    const { store } = context;
    if (args.length === 0) throw usageError('Not enough arguments given');
    const unmounted = outcome.list('unmounted');
    await withWork(invocation, `Unmounting ${args.join(', ')}`, (work) =>
      forEach(args.map(parsePlace), async ({ of: name, path }) => {
        const vm = await store.instance(name);
        for (const target of await vm.unmount(path, { work })) {
          unmounted({ instance: name, target }, `${name}:${target}`);
        }
      }),
    );
    return undefined;
  },
});
