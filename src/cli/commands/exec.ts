import { optionValue, usageError, type Command } from '../command.js';
import { isInstanceRunning } from '../is-running.js';
import { startOrLaunch } from '../start-or-launch.js';

export const exec: Command = {
  name: 'exec',
  aliases: [],
  summary: 'Run a command on an instance',
  description:
    'Run a command on an instance, which is started when it does not run. Exits with what the command exits with, and with 255 when it could not be reached.',
  usage: '<name> [--] <command> [<argument> ...]',
  argument: 'instance',
  options: [
    {
      flags: ['-d', '--working-directory'],
      value: 'dir',
      description: 'Change to <dir> before execution',
      takesValue: true,
    },
    {
      flags: ['-n', '--no-map-working-directory'],
      description: 'Do not map the host execution path to a mounted path',
      takesValue: false,
    },
  ],
  async run(invocation) {
    const { context, args, options } = invocation;
    const [name, ...command] = args;
    if (name === undefined || command.length === 0) throw usageError('Wrong number of arguments');
    const path = optionValue(invocation, 'working-directory');
    const isUnmapped = options['no-map-working-directory'] === true;
    if (path !== undefined && isUnmapped) {
      throw usageError('Options --working-directory and --no-map-working-directory clash');
    }
    const { layout, signal, terminal } = context;
    if (!(await isInstanceRunning(layout, name))) {
      await startOrLaunch({ context, name, timeoutMs: undefined });
    }
    const { enterInstance } = await import('../../vm/guest/enter-instance.js');
    return await enterInstance({
      ...{ layout, name, command, terminal, signal },
      folder: path === undefined ? (isUnmapped ? 'home' : 'mapped') : { path },
    });
  },
};
