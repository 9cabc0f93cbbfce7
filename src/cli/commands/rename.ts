import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { usageError } from '../failures.js';
import { PROGRESS } from '../options.js';
import { withWork } from '../work.js';

export const rename = defineCommand({
  name: 'rename',
  summary: 'Give an instance another name',
  description:
    'Give a stopped instance another name. Its snapshots, mounts and identity stay; the hostname ' +
    'in the guest follows at the next start.',
  usage: '<name> <new-name>',
  argument: 'stopped-instance',
  options: PROGRESS,
  async run(invocation) {
    const [name, newName, ...more] = invocation.args;
    if (name === undefined || newName === undefined || more.length > 0) {
      throw usageError('Please provide the name of an instance and its new name.');
    }
    const { layout, stdout } = invocation.context;
    const { renameInstance } = await import('../../vm/rename-instance.js');
    await withWork(invocation, `Renaming ${name}`, (work) =>
      renameInstance({ layout, name, newName, work }),
    );
    stdout.write(`Renamed ${name} to ${newName}.\n`);
    return EXIT.ok;
  },
});
