import { isAliasName } from '../../command-line.js';
import { defineChange } from '../define-change.js';
import { usageError } from '../failures.js';
import { RESULT_FORMAT } from '../options.js';

export const prefer = defineChange({
  name: 'prefer',
  summary: 'Switch the current alias context',
  description: 'Switch the current alias context. If it does not exist, it is created.',
  usage: '<context>',
  parameters: [['context', 'The context to switch to']],
  argument: ['alias-context'],
  options: { format: RESULT_FORMAT },
  async run({ context: { store, signal }, args: [name, ...more] }, outcome) {
    if (name === undefined || more.length > 0) throw usageError('Wrong number of arguments given');
    if (!isAliasName(name)) throw usageError('Context has to be a valid filename');
    await store.preferAliases(name, { work: { signal } });
    outcome.set({ context: name });
    outcome.note(`preferred: ${name}`);
    return undefined;
  },
});
