import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { PROGRESS } from '../options.js';
import { parseOneName } from '../parse.js';
import { withWork } from '../work.js';

export const adopt = defineCommand({
  name: 'adopt',
  summary: 'Make a copied folder an instance of its own',
  description:
    'Give an identity of its own to a copy of an instance whose folder was copied by hand: a new ' +
    'uuid, new MAC addresses and a new cloud-init instance-id. Until then such a copy is not started.',
  usage: '<name>',
  argument: 'instance',
  options: PROGRESS,
  async run(invocation) {
    const name = parseOneName(invocation.args);
    const { context } = invocation;
    const { adoptInstance } = await import('../../vm/adopt-instance.js');
    const { original } = await withWork(invocation, `Adopting ${name}`, (work) =>
      adoptInstance({ layout: context.layout, name, work }),
    );
    context.stdout.write(`Adopted ${name}, which was a copy of ${original}.\n`);
    return EXIT.ok;
  },
});
