import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { PROGRESS } from '../options.js';
import { parseOneName } from '../parse.js';
import { withWork } from '../work.js';

export const flatten = defineCommand({
  name: 'flatten',
  summary: 'Make an instance independent of what it was made from',
  description:
    'Copy what an instance shares with an image or with other instances into its own disk. It ' +
    'takes time and space, and others are not affected.',
  usage: '<name>',
  argument: 'stopped-instance',
  options: PROGRESS,
  async run(invocation) {
    const name = parseOneName(invocation.args);
    const { layout } = invocation.context;
    const { flattenInstance } = await import('../../vm/flatten-instance.js');
    await withWork(invocation, `Flattening ${name}`, (work) =>
      flattenInstance({ layout, name, work }),
    );
    return EXIT.ok;
  },
});
