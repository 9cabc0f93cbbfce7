import { defineChange } from '../define-change.js';
import { settingFailure, usageError } from '../failures.js';
import { askValue } from '../ask.js';
import { RESULT_FORMAT } from '../options.js';
import type { CliContext } from '../context.js';

export const set = defineChange({
  name: 'set',
  summary: 'Set a configuration setting',
  description:
    'Set, to the given value, the configuration setting corresponding to the given key. On a ' +
    'terminal a value that is not given is asked for.',
  usage: '<key>[=<value>]',
  parameters: [
    ['key', 'The setting, such as local.network or local.web.cpus'],
    ['value', 'What it is to be; empty is a value too'],
  ],
  examples: [
    ['multipass set local.web.cpus=4', 'four CPUs for the instance web, which must be stopped'],
    ['multipass set local.web.disk=20G', 'more space for it'],
    ['multipass set client.primary-name=web', 'make it the primary instance'],
    ['multipass set local.default.memory=2G', 'what launch takes from now on'],
    ['multipass set local.web.before-update.comment=clean', 'the comment of a snapshot of it'],
  ],
  argument: ['assignment'],
  options: { format: RESULT_FORMAT },
  async run({ context, args }, outcome) {
    const [pair, ...more] = args;
    if (pair === undefined || more.length > 0) {
      throw usageError('Need exactly one key-value pair (in <key>=<value> form).');
    }
    const at = pair.indexOf('=');
    if (at === 0 || (at < 0 && !context.terminal)) throw usageError('Bad key-value format.');
    const key = at < 0 ? pair : pair.slice(0, at);
    const { store, signal } = context;
    try {
      // What is no key is told before anything is asked.
      if (at < 0) await store.getSetting(key);
      const value = at < 0 ? await askFor(key, context) : pair.slice(at + 1);
      await store.setSetting(key, value, { work: { signal } });
      const isSecret = key === SECRET;
      outcome.set(isSecret ? { key } : { key, value });
      outcome.note(isSecret ? `set: ${key}` : `set: ${key}=${value}`);
    } catch (error) {
      throw settingFailure(error, key);
    }
    return undefined;
  },
});

/** What no output ever shows. */
const SECRET = 'local.passphrase';

/** Asks for a value; for a secret one hidden, and twice. @throws MultipassError USAGE when the two differ; ABORTED */
async function askFor(key: string, context: CliContext): Promise<string> {
  if (key !== SECRET) return await askValue(context, `${key}: `);
  const first = await askValue(context, 'Please enter passphrase: ', { hidden: true });
  const second = await askValue(context, 'Please re-enter passphrase: ', { hidden: true });
  if (first !== second) throw usageError('Passphrases do not match');
  return first;
}
