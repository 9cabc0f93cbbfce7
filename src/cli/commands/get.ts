import { usageError, type Command } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { settingFailure } from '../setting-failure.js';

export const get: Command = {
  name: 'get',
  aliases: [],
  summary: 'Get a configuration setting',
  description:
    'Get the configuration setting corresponding to the given key, or the keys there are.',
  usage: '[<key>]',
  argument: 'none',
  options: [
    {
      flags: ['--raw'],
      description: 'Print an empty value as it is, instead of "<empty>"',
      takesValue: false,
    },
    {
      flags: ['--keys'],
      description: 'List the keys there are, or just the given one, if it is one of them',
      takesValue: false,
    },
  ],
  async run({ context, args, options }) {
    const { layout, stdout } = context;
    const [key, ...more] = args;
    const wantsKeys = options['keys'] === true;
    if (more.length > 0 || (key === undefined && !wantsKeys)) {
      throw usageError(
        wantsKeys ? 'Need at most one setting key.' : 'Need exactly one setting key.',
      );
    }
    const { getSetting, settingKeys } = await import('../../vm/settings/get-and-set.js');
    if (key === undefined) {
      for (const known of await settingKeys(layout)) stdout.write(`${known}\n`);
      return EXIT.ok;
    }
    try {
      const value = getSetting(layout, key);
      const shown = value === '' && options['raw'] !== true ? '<empty>' : value;
      stdout.write(`${wantsKeys ? key : shown}\n`);
      return EXIT.ok;
    } catch (error) {
      throw settingFailure(error, key);
    }
  },
};
