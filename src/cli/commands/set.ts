import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { settingFailure, usageError } from '../failures.js';

export const set = defineCommand({
  name: 'set',
  summary: 'Set a configuration setting',
  description: 'Set, to the given value, the configuration setting corresponding to the given key.',
  usage: '<key>=<value>',
  options: {},
  async run({ context, args }) {
    const [pair, ...more] = args;
    if (pair === undefined || more.length > 0) {
      throw usageError('Need exactly one key-value pair (in <key>=<value> form).');
    }
    const at = pair.indexOf('=');
    if (at < 1) throw usageError('Bad key-value format.');
    const key = pair.slice(0, at);
    const { setSetting } = await import('../../vm/settings/get-and-set.js');
    try {
      await setSetting(context.layout, key, pair.slice(at + 1), {
        work: { signal: context.signal },
      });
    } catch (error) {
      throw settingFailure(error, key);
    }
    return EXIT.ok;
  },
});
