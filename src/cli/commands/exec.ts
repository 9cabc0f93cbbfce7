import { ensureRunning } from '../bring-up.js';
import { defineCommand } from '../command.js';
import { usageError } from '../failures.js';
import { flag, PROGRESS, textOption } from '../options.js';

export const exec = defineCommand({
  name: 'exec',
  summary: 'Run a command on an instance',
  description:
    'Run a command on an instance, which is started when it does not run. Exits with what the ' +
    'command exits with, and with 255 when it could not be reached.',
  usage: '<name> [--] <command> [<argument> ...]',
  parameters: [
    ['name', 'The instance to run the command on'],
    ['command', 'The command; what follows "--" is left to it'],
    ['argument', 'What the command is given'],
  ],
  examples: [['multipass exec web -- ls -l /', 'a command with options of its own']],
  argument: ['instance'],
  runsInner: true,
  options: {
    workingDirectory: textOption({
      flags: ['-d', '--working-directory'],
      value: 'dir',
      description: 'Change to <dir> before execution',
    }),
    noMapWorkingDirectory: flag({
      flags: ['-n', '--no-map-working-directory'],
      description: 'Do not map the host execution path to a mounted path',
    }),
    ...PROGRESS,
  },
  async run(invocation) {
    const { context, args, options } = invocation;
    const [name, ...command] = args;
    if (name === undefined || command.length === 0) throw usageError('Wrong number of arguments');
    const { workingDirectory: path, noMapWorkingDirectory: isUnmapped } = options;
    if (path !== undefined && isUnmapped) {
      throw usageError('Options --working-directory and --no-map-working-directory clash');
    }
    await ensureRunning(invocation, name);
    const { store, signal, terminal, stderr } = context;
    const onSshText = (text: string): void => stderr.write(text);
    const vm = await store.instance(name);
    const folder = path === undefined ? (isUnmapped ? 'home' : 'mapped') : { path };
    return await vm.shell({ command, folder, terminal, onSshText, work: { signal } });
  },
});
