import { parseTimeout, TIMEOUT_OPTION, usageError, type Command } from '../command.js';
import { isInstanceRunning } from '../is-running.js';
import { startOrLaunch } from '../start-or-launch.js';

export const shell: Command = {
  name: 'shell',
  aliases: ['sh', 'connect'],
  summary: 'Open a shell on an instance',
  description:
    'Open a shell on an instance, which is started when it does not run; without a name, on the primary one, which is launched when it does not exist.',
  usage: '[<name>]',
  argument: 'instance',
  options: [TIMEOUT_OPTION],
  async run(invocation) {
    const { context, args } = invocation;
    if (args.length > 1) throw usageError('Too many arguments given');
    const name = args[0] ?? context.primary;
    if (name === '') throw usageError('Please provide the name of an instance.');
    const timeoutMs = parseTimeout(invocation);
    const { layout, signal, terminal } = context;
    if (!(await isInstanceRunning(layout, name))) await startOrLaunch({ context, name, timeoutMs });
    const { enterInstance } = await import('../../vm/guest/enter-instance.js');
    return await enterInstance({
      ...{ layout, name, command: null, terminal, signal },
      folder: 'home',
    });
  },
};
