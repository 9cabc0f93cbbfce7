import { isAliasName } from '../../vm/aliases/alias-name.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { usageError } from '../failures.js';

export const prefer = defineCommand({
  name: 'prefer',
  summary: 'Switch the current alias context',
  description: 'Switch the current alias context. If it does not exist, it is created.',
  usage: '<context>',
  argument: 'alias-context',
  options: {},
  async run({ context: { layout, signal }, args: [name, ...more] }) {
    if (name === undefined || more.length > 0) throw usageError('Wrong number of arguments given');
    if (!isAliasName(name)) throw usageError('Context has to be a valid filename');
    const { preferContext } = await import('../../vm/aliases/change-aliases.js');
    await preferContext(layout, name, { work: { signal } });
    return EXIT.ok;
  },
});
