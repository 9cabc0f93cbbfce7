import { defineChange } from '../define-change.js';
import { usageError } from '../failures.js';
import { flag, RESULT_FORMAT } from '../options.js';

export const unalias = defineChange({
  name: 'unalias',
  summary: 'Remove aliases',
  description: 'Remove aliases, those of another than the active context by <context>.<name>.',
  usage: '<name> [<name> ...]',
  parameters: [['name', 'An alias to remove']],
  argument: 'alias',
  options: {
    all: flag({ flags: ['-a', '--all'], description: 'Remove all aliases of the active context' }),
    format: RESULT_FORMAT,
  },
  async run({ context: { store, signal }, args, options: { all } }, outcome) {
    if (all && args.length === 1) throw usageError('Cannot specify name when --all option set');
    if (all && args.length > 1) throw usageError('Cannot specify names when --all option set');
    if (!all && args.length === 0) throw usageError('Name argument or --all is required');
    const removed = outcome.list('removed');
    const names = await store.removeAliases(all ? undefined : args, { work: { signal } });
    for (const name of names) removed(name);
    return undefined;
  },
});
