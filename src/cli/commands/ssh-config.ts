import { askYesOrNo, cancelled } from '../ask.js';
import type { Invocation } from '../command.js';
import { defineChange } from '../define-change.js';
import { forEach, usageError } from '../failures.js';
import { CHANGE, flag } from '../options.js';
import { sshProgram } from '../ssh-program.js';

const OPTIONS = {
  install: flag({
    flags: ['--install'],
    description: 'Have ssh know all instances: adds one line to ~/.ssh/config, after asking',
  }),
  start: flag({
    flags: ['--start'],
    description: 'Start an instance that is stopped when it is connected to',
  }),
  ...CHANGE,
};

/** For ssh, and whatever uses it: scp, rsync, git, editors, Ansible. */
export const sshConfig = defineChange({
  name: 'ssh-config',
  summary: 'Print how ssh reaches instances',
  description:
    'Print a piece of configuration for ssh, by which instances are hosts: `ssh web.multipass`, and the same for ' +
    'scp, rsync, git, editors and Ansible. With --install ssh reads it, and it is kept up to date.',
  usage: '[<name> ...]',
  parameters: [['name', 'The instances; without any, all of them']],
  argument: ['instance'],
  examples: [
    ['multipass ssh-config --install', 'have ssh know all instances'],
    ['multipass ssh-config web', 'for `ssh -F`, without changing anything'],
  ],
  options: OPTIONS,
  async run(invocation, outcome) {
    const { context, args, options } = invocation;
    const { layout } = context;
    const how = { program: sshProgram(context), start: options.start };
    if (options.install) {
      if (args.length > 0) throw usageError('Cannot specify names when --install option set');
      const path = await install(invocation, how);
      outcome.set({ path });
      outcome.print(`ssh knows every instance now, as NAME.multipass.\n`);
      return undefined;
    }
    const { sshConfigOf } = await import('../../vm/guest/ssh-config.js');
    const { sshHosts } = await import('../../vm/guest/ssh-config-file.js');
    const { readInstance } = await import('../../vm/read-instance.js');
    const named: ReturnType<typeof readInstance>[] = [];
    await forEach(new Set(args), (name) => void named.push(readInstance(layout, name)));
    const readings = args.length > 0 ? named : await sshHosts(layout);
    const text = sshConfigOf(layout, readings, how);
    outcome.set({ hosts: readings.map(({ name }) => `${name}.multipass`), config: text });
    outcome.print(text);
    return undefined;
  },
});

async function install(
  { context }: Invocation<typeof OPTIONS>,
  how: { readonly program: readonly string[]; readonly start: boolean },
): Promise<string> {
  const { layout, home, terminal } = context;
  const file = await import('../../vm/guest/ssh-config-file.js');
  const { includeLine } = await import('../../vm/guest/ssh-config.js');
  const { prepareStore } = await import('../../vm/sweep.js');
  if (!(await file.isIncluded(layout, home))) {
    const place = file.userConfig(home);
    const line = includeLine(layout);
    if (!terminal) {
      throw usageError(`Cannot ask, for this is no terminal. Add this line to ${place}: ${line}`);
    }
    const text = `Add the line \`${line}\` to ${place}?`;
    if (!(await askYesOrNo(context, { text, fallback: true }))) throw cancelled();
    await file.include(layout, home);
  }
  await prepareStore(layout);
  return await file.writeSshConfig(layout, how);
}
