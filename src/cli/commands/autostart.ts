import { guess } from '../../command-line.js';
import type { Invocation } from '../command.js';
import type { CliContext } from '../context.js';
import { defineChange } from '../define-change.js';
import { forEach, usageError } from '../failures.js';
import { formatAutostart } from '../format/autostart.js';
import { guardByThisCommand } from '../guard-program.js';
import { byName } from '../format/order.js';
import { CHANGE } from '../options.js';
import type { Outcome } from '../outcome.js';
import { withWork } from '../work.js';

type Autostart = Invocation<typeof CHANGE>;
type Action = (invocation: Autostart, outcome: Outcome) => Promise<void>;

const ACTIONS: Readonly<Record<string, Action>> = { install, remove, start, stop };

export const autostart = defineChange({
  name: 'autostart',
  summary: 'Start instances with the host',
  description:
    'List the instances that start with the host, which `set local.<instance>.autostart=true` ' +
    'chooses. `install` makes a systemd unit that starts them, one after the other, when the host ' +
    'starts, or the user logs in, and suspends all that run when it stops; `remove` removes it. ' +
    '`start` and `stop` do now what the unit does.',
  usage: '[install | remove | start | stop]',
  argument: ['autostart-action'],
  examples: [
    ['multipass set local.web.autostart=true', 'Choose an instance'],
    ['multipass autostart install', 'Have systemd start it'],
  ],
  options: CHANGE,
  async run(invocation, outcome) {
    const [word, ...more] = invocation.args;
    if (more.length > 0) throw usageError('Too many arguments given');
    if (word === undefined) {
      await list(invocation, outcome);
      return undefined;
    }
    const act = Object.hasOwn(ACTIONS, word) ? ACTIONS[word] : undefined;
    const known = Object.keys(ACTIONS);
    if (act === undefined) {
      throw usageError(`Please say what to do: ${known.join(', ')}.`, guess(word, known));
    }
    await act(invocation, outcome);
    return undefined;
  },
});

async function list({ context }: Autostart, outcome: Outcome): Promise<void> {
  const instances = await chosen(context);
  const { path, isInstalled } = await context.store.autostartUnit();
  outcome.set({
    unit: isInstalled ? path : null,
    instances: instances.map(({ name, state }) => ({ name, state })),
  });
  outcome.print(formatAutostart(instances));
  if (instances.length === 0 || isInstalled) return;
  context.stderr.write('note: no unit starts them: `multipass autostart install` makes it\n');
}

async function install(invocation: Autostart, outcome: Outcome): Promise<void> {
  const { context } = invocation;
  const { store, stderr } = context;
  const { ownCommand } = await import('../own-command.js');
  const unit = await withWork(invocation, 'Installing the unit', (work) =>
    store.installAutostart({ command: ownCommand(), work }),
  );
  const { path, isEnabled, startsWithHost } = unit;
  outcome.print(`Installed: ${path}\n`);
  outcome.set({ unit: path, enabled: isEnabled, lingering: startsWithHost });
  if (startsWithHost) return;
  stderr.write(
    'note: your systemd starts when you log in and stops when you log out, and instances with it. To have it start ' +
      'with the host and stay: `loginctl enable-linger`\n',
  );
}

async function remove(invocation: Autostart, outcome: Outcome): Promise<void> {
  const { store } = invocation.context;
  const { path } = await store.autostartUnit();
  const wasThere = await withWork(invocation, 'Removing the unit', (work) =>
    store.removeAutostart({ work }),
  );
  outcome.set({ removed: wasThere ? path : null });
  outcome.print(wasThere ? `Removed: ${path}\n` : 'There is no unit.\n');
}

async function start(invocation: Autostart, outcome: Outcome): Promise<void> {
  const { store } = invocation.context;
  const started = outcome.list('started');
  await forEach(await chosen(invocation.context), async ({ name }) => {
    const vm = await store.instance(name);
    await guardByThisCommand();
    await withWork(invocation, `Starting ${name}`, (work) => vm.start({ work }));
    started(name);
  });
}

async function stop(invocation: Autostart, outcome: Outcome): Promise<void> {
  const { store } = invocation.context;
  const done = { suspended: outcome.list('suspended'), stopped: outcome.list('stopped') };
  const rested = await withWork(invocation, 'Suspending what runs', (work) =>
    store.suspendAll({ work }),
  );
  await forEach(rested, (one) => {
    if (one.how === 'failed') throw one.error;
    done[one.how](one.name);
  });
}

/** In the order in which they are started: the primary one first. */
async function chosen({ store, primary }: CliContext) {
  return (await store.autostarted()).sort(byName(primary));
}
