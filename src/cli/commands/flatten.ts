import { defineChange } from '../define-change.js';
import { CHANGE } from '../options.js';
import { parseOneName } from '../parse.js';
import { withWork } from '../work.js';

export const flatten = defineChange({
  name: 'flatten',
  summary: 'Make an instance independent of what it was made from',
  description:
    'Copy what an instance shares with an image or with other instances into its own disk. It ' +
    'takes time and space, and others are not affected.',
  usage: '<name>',
  parameters: [['name', 'The instance']],
  argument: ['stopped-instance'],
  options: CHANGE,
  async run(invocation, outcome) {
    const name = parseOneName(invocation.args);
    const vm = await invocation.context.store.instance(name);
    await withWork(invocation, `Flattening ${name}`, (work) => vm.flatten({ work }));
    outcome.set({ flattened: name });
    outcome.note(`flattened: ${name}`);
    return undefined;
  },
});
