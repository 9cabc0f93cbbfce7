import { defineChange } from '../define-change.js';
import { usageError } from '../failures.js';
import { CHANGE } from '../options.js';
import { withWork } from '../work.js';

export const rename = defineChange({
  name: 'rename',
  summary: 'Give an instance another name',
  description:
    'Give a stopped instance another name. Its snapshots, mounts and identity stay; the hostname ' +
    'in the guest follows at the next start.',
  usage: '<name> <new-name>',
  parameters: [
    ['name', 'The instance'],
    ['new-name', 'What it is to be called'],
  ],
  argument: ['stopped-instance'],
  options: CHANGE,
  async run(invocation, outcome) {
    const [name, newName, ...more] = invocation.args;
    if (name === undefined || newName === undefined || more.length > 0) {
      throw usageError('Please provide the name of an instance and its new name.');
    }
    const vm = await invocation.context.store.instance(name);
    await withWork(invocation, `Renaming ${name}`, (work) => vm.rename(newName, { work }));
    outcome.print(`Renamed ${name} to ${newName}.\n`);
    outcome.set({ from: name, to: newName });
    return undefined;
  },
});
