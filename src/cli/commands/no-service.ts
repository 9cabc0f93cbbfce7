import { defineCommand, type Command } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { usageError } from '../failures.js';
import { TIMEOUT } from '../options.js';

/*
 * Commands of Multipass that are about its service, which we have not: scripts call them, and go on.
 */

/** Takes a passphrase as Multipass does, and has no use for it: who may use a store, the file system says. */
export const authenticate = defineCommand({
  name: 'authenticate',
  aliases: ['auth'],
  summary: 'Succeed: there is no service to authenticate with',
  description:
    'Multipass authenticates clients of its service with this. Here is no service: a store belongs to one user.',
  usage: '[<passphrase>]',
  parameters: [['passphrase', 'Taken, and used for nothing']],
  options: {},
  run({ context, args }) {
    if (args.length > 1) throw usageError('Too many arguments given');
    context.stderr.write('Nothing to do: there is no service to authenticate with.\n');
    return EXIT.ok;
  },
});

export const waitReady: Command = defineCommand({
  name: 'wait-ready',
  summary: 'Succeed: there is no service to wait for',
  description: 'Multipass waits with this until its service is ready. Here is no service.',
  options: { timeout: TIMEOUT },
  run({ context }) {
    context.stderr.write('Nothing to wait for: there is no service.\n');
    return EXIT.ok;
  },
});
