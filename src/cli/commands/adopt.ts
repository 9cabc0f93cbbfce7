import { defineChange } from '../define-change.js';
import { CHANGE } from '../options.js';
import { parseOneName } from '../parse.js';
import { withWork } from '../work.js';

export const adopt = defineChange({
  name: 'adopt',
  summary: 'Make a copied folder an instance of its own',
  description:
    'Give an identity of its own to a copy of an instance whose folder was copied by hand: a new ' +
    'uuid, new MAC addresses and a new cloud-init instance-id. Until then such a copy is not started.',
  usage: '<name>',
  parameters: [['name', 'The copy']],
  argument: ['stopped-instance'],
  options: CHANGE,
  async run(invocation, outcome) {
    const name = parseOneName(invocation.args);
    const vm = await invocation.context.store.instance(name);
    const { original } = await withWork(invocation, `Adopting ${name}`, (work) =>
      vm.adopt({ work }),
    );
    outcome.print(`Adopted ${name}, which was a copy of ${original}.\n`);
    outcome.set({ adopted: name, copy_of: original });
    return undefined;
  },
});
