import { type Command } from '../command.js';
import { Failures } from '../failures.js';
import { selectNames } from '../select.js';
import { tellWhoHolds } from '../waiting.js';
import { EXIT } from '../exit-codes.js';

export const deleteCommand: Command = {
  name: 'delete',
  aliases: [],
  summary: 'Delete instances',
  description:
    'Delete instances. They can be recovered, and keep their names, until they are purged.',
  usage: '<name> [<name> ...]',
  argument: 'instance',
  options: [
    { flags: ['--all'], description: 'Delete all instances', takesValue: false },
    {
      flags: ['-p', '--purge'],
      description: 'Purge the instances immediately: they can not be recovered',
      takesValue: false,
    },
  ],
  async run(invocation) {
    const { context, options } = invocation;
    const { signal, layout } = context;
    const { deleteInstance, purgeInstance } = await import('../../vm/delete-instance.js');
    const remove = options['purge'] === true ? purgeInstance : deleteInstance;
    const work = { signal, onWait: tellWhoHolds(context) };
    const names = await selectNames(invocation, (view) => view.state !== 'Broken');
    const failures = new Failures();
    for (const name of names) await failures.collect(() => remove(layout, name, work));
    failures.throwIfAny();
    return EXIT.ok;
  },
};
