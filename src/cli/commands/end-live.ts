import { loadEndLive } from '../../command-line.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { usageError } from '../failures.js';

/** What the guard of a live clone runs, when the command was killed in the middle. */
export const endLiveCommand = defineCommand({
  name: '__end-live',
  summary: 'End what a killed command had begun with a running instance',
  description:
    'Let a running instance go on, whose disk was about to be copied by a command that was killed.',
  usage: '<store> <name>',
  parameters: [
    ['store', 'The root of the store'],
    ['name', 'The instance'],
  ],
  options: {},
  hidden: true,
  async run({ args }) {
    const [root, name, ...more] = args;
    if (root === undefined || name === undefined || more.length > 0) {
      throw usageError('Wrong number of arguments given');
    }
    const { endLive } = await loadEndLive();
    await endLive(root, name);
    return EXIT.ok;
  },
});
