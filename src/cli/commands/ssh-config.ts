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
    const { store } = context;
    const how = { program: sshProgram(context), start: options.start };
    if (options.install) {
      if (args.length > 0) throw usageError('Cannot specify names when --install option set');
      const path = await install(invocation, how);
      outcome.set({ path });
      outcome.print(`ssh knows every instance now, as NAME.multipass.\n`);
      return undefined;
    }
    const named: string[] = [];
    await forEach(new Set(args), async (name) => {
      named.push(await store.sshConfig({ ...how, names: [name] }));
    });
    const text = args.length > 0 ? named.join('\n') : await store.sshConfig(how);
    const hosts = [...text.matchAll(/^Host (.*)$/gm)].map(([, host = '']) => host);
    outcome.set({ hosts, config: text });
    outcome.print(text);
    return undefined;
  },
});

async function install(
  { context }: Invocation<typeof OPTIONS>,
  how: { readonly program: readonly string[]; readonly start: boolean },
): Promise<string> {
  const confirm = async ({ file, line }: { file: string; line: string }): Promise<boolean> => {
    if (!context.terminal) {
      throw usageError(`Cannot ask, for this is no terminal. Add this line to ${file}: ${line}`);
    }
    const text = `Add the line \`${line}\` to ${file}?`;
    return await askYesOrNo(context, { text, fallback: true });
  };
  const path = await context.store.installSshConfig({ ...how, confirm });
  if (path === undefined) throw cancelled();
  return path;
}
