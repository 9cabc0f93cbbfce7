import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { settingFailure, usageError } from '../failures.js';
import { flag } from '../options.js';

export const get = defineCommand({
  name: 'get',
  summary: 'Get a configuration setting',
  description:
    'Get the configuration setting corresponding to the given key, or the keys there are.',
  usage: '[<key>]',
  parameters: [['key', 'The setting, such as local.network or local.web.cpus']],
  examples: [
    ['multipass get local.network', 'how instances reach the network'],
    ['multipass get local.web.memory', 'the memory of the instance web'],
    ['multipass get --keys', 'every key there is'],
  ],
  argument: ['setting'],
  options: {
    raw: flag({
      flags: ['--raw'],
      description: 'Print an empty value as it is, instead of "<empty>"',
    }),
    keys: flag({
      flags: ['--keys'],
      description: 'List the keys there are, or just the given one, if it is one of them',
    }),
  },
  async run({ context, args, options }) {
    const { store, stdout } = context;
    const [key, ...more] = args;
    if (more.length > 0 || (key === undefined && !options.keys)) {
      throw usageError(
        options.keys ? 'Need at most one setting key.' : 'Need exactly one setting key.',
      );
    }
    if (key === undefined) {
      for (const known of await store.settingKeys()) stdout.write(`${known}\n`);
      return EXIT.ok;
    }
    try {
      const value = await store.getSetting(key);
      const shown = value === '' && !options.raw ? '<empty>' : value;
      stdout.write(`${options.keys ? key : shown}\n`);
      return EXIT.ok;
    } catch (error) {
      throw settingFailure(error, key);
    }
  },
});
