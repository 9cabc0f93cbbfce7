import type { Command } from '../command.js';
import { Failures } from '../failures.js';
import { selectNames } from '../select.js';
import { tellWhoHolds } from '../waiting.js';
import { EXIT } from '../exit-codes.js';

export const recover: Command = {
  name: 'recover',
  aliases: [],
  summary: 'Recover deleted instances',
  description: 'Recover deleted instances so they can be used again.',
  usage: '<name> [<name> ...]',
  argument: 'deleted-instance',
  options: [{ flags: ['--all'], description: 'Recover all deleted instances', takesValue: false }],
  async run(invocation) {
    const { context } = invocation;
    const { recoverInstance } = await import('../../vm/delete-instance.js');
    const work = { work: { signal: context.signal, onWait: tellWhoHolds(context) } };
    const failures = new Failures();
    for (const name of await selectNames(invocation, (view) => view.state === 'Deleted')) {
      await failures.collect(() => recoverInstance(context.layout, name, work));
    }
    failures.throwIfAny();
    return EXIT.ok;
  },
};
