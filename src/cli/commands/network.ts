import { guess, loadNetworkSetup, loadRunInNetwork, loadSettings } from '../../command-line.js';
import { defineCommand, type Invocation } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { usageError } from '../failures.js';
import { REPORT_FORMAT } from '../options.js';

const OPTIONS = { format: REPORT_FORMAT };
type Network = Invocation<typeof OPTIONS>;

const ACTIONS: Readonly<
  Record<string, (invocation: Network, words: readonly string[]) => Promise<number>>
> = { run, status, setup: change, remove: change };

export const network = defineCommand({
  name: 'network',
  summary: 'Use the network that instances share',
  description:
    'Instances of one user share a network, without root, where this host permits it ' +
    '(local.network=auto or shared). `run` runs a program of this host in it: it reaches every ' +
    'instance by its address and by its name. `status` shows what is up. `setup`, as root, ' +
    'permits such networks where the distribution does not; it says what it does before it does ' +
    'it, and `remove` takes it away again.',
  usage: '<action> [--] [<command> ...]',
  parameters: [
    ['action', 'run, status, setup or remove'],
    ['command', 'For `run`: the program and its arguments; what follows "--" is left to it'],
  ],
  examples: [['multipass network run -- curl http://web.multipass', "Ask an instance's server"]],
  argument: ['network-action'],
  runsInner: true,
  options: OPTIONS,
  async run(invocation) {
    const [word, ...words] = invocation.args;
    const known = Object.keys(ACTIONS);
    const act = word !== undefined && Object.hasOwn(ACTIONS, word) ? ACTIONS[word] : undefined;
    if (act === undefined) {
      const hint = word === undefined ? undefined : guess(word, known);
      throw usageError(`Please say what to do: ${known.join(', ')}.`, hint);
    }
    if (act !== run && words.length > 0) throw usageError('Too many arguments given');
    return await act(invocation, act === run ? words : [word ?? '']);
  },
});

async function run({ context }: Network, words: readonly string[]): Promise<number> {
  const [program, ...args] = words;
  if (program === undefined) throw usageError('Please say what to run.');
  const { layout, env, signal } = context;
  const { readSettings } = await loadSettings();
  const { runInNetwork } = await loadRunInNetwork();
  const hostLoopback = readSettings(layout, env).hostLoopback === 'true';
  return await runInNetwork({ layout, command: [program, ...args], hostLoopback, signal });
}

async function status({ context, options }: Network): Promise<number> {
  const { store, signal, stdout } = context;
  const { formatNetworkStatus } = await import('../format/network-status.js');
  const found = await store.networkStatus({ work: { signal } });
  stdout.write(formatNetworkStatus(found, options.format));
  return EXIT.ok;
}

async function change({ context }: Network, [what = '']: readonly string[]): Promise<number> {
  const { setupSteps, removalSteps, requireRootFor } = await loadNetworkSetup();
  const steps = what === 'setup' ? setupSteps() : removalSteps();
  const { stdout } = context;
  if (steps.length === 0) {
    stdout.write(
      what === 'setup'
        ? 'Nothing to do: this host does not keep users from having networks of their own.\n'
        : 'Nothing to do: nothing is set up.\n',
    );
    return EXIT.ok;
  }
  stdout.write(steps.map(({ text }, at) => `${at + 1}. ${text}\n`).join(''));
  requireRootFor(what);
  for (const { act } of steps) await act();
  stdout.write('Done.\n');
  return EXIT.ok;
}
