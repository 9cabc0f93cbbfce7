import { ensureRunning } from '../bring-up.js';
import { defineCommand } from '../command.js';
import { usageError } from '../failures.js';
import { PROGRESS, TIMEOUT } from '../options.js';

export const shell = defineCommand({
  name: 'shell',
  aliases: ['sh', 'connect'],
  summary: 'Open a shell on an instance',
  description:
    'Open a shell on an instance, which is started when it does not run; without a name, on the ' +
    'primary one, which is launched when it does not exist.',
  usage: '[<name>]',
  parameters: [['name', 'The instance to open a shell on']],
  argument: ['instance'],
  options: { timeout: TIMEOUT, ...PROGRESS },
  async run(invocation) {
    const { context, args, options } = invocation;
    if (args.length > 1) throw usageError('Too many arguments given');
    const name = args[0] ?? context.primary;
    if (name === '') throw usageError('Please provide the name of an instance.');
    await ensureRunning(invocation, name, options.timeout);
    const { store, signal, terminal, stderr } = context;
    const onSshText = (text: string): void => stderr.write(text);
    const vm = await store.instance(name);
    return await vm.shell({ terminal, onSshText, work: { signal } });
  },
});
