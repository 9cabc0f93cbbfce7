import { MultipassError } from '../../errors.js';
import { parseMemorySize } from '../../memory-size.js';
import {
  optionValue,
  optionValues,
  parseTimeout,
  TIMEOUT_OPTION,
  usageError,
  type Command,
  type Invocation,
} from '../command.js';
import { EXIT } from '../exit-codes.js';
import { mountHome } from '../mount-home.js';
import { mountWithProgress } from '../mount-with-progress.js';
import { parseMounts } from '../parse-mounts.js';
import { parseNetworks } from '../parse-networks.js';

export const launch: Command = {
  name: 'launch',
  aliases: [],
  summary: 'Create and start an instance',
  description:
    'Create and start a new instance from an image: an alias or release with or without its remote, a URL, or a file.',
  usage: '[[<remote:>]<image> | <url> | <file>]',
  argument: 'file',
  options: [
    {
      flags: ['-c', '--cpus'],
      value: 'cpus',
      description: 'Number of CPUs to allocate; 1 by default',
      takesValue: true,
    },
    {
      flags: ['-d', '--disk'],
      value: 'disk',
      description: 'Disk space to allocate, such as 10G; at least 1G, 5G by default',
      takesValue: true,
    },
    {
      flags: ['-m', '--memory'],
      value: 'memory',
      description: 'Amount of memory to allocate, such as 2G; at least 512M, 1G by default',
      takesValue: true,
    },
    { flags: ['--mem'], value: 'memory', description: '', takesValue: true, hidden: true },
    {
      flags: ['-n', '--name'],
      value: 'name',
      description: 'Name for the instance; a random one by default',
      takesValue: true,
    },
    {
      flags: ['--cloud-init'],
      value: 'file|url',
      description: 'Path or URL to a user-data cloud-init configuration, or - for stdin',
      takesValue: true,
    },
    {
      flags: ['--network'],
      value: 'spec',
      description:
        'Add a network interface on a bridge of the host: its name, or name=<name>[,mode=auto|manual][,mac=<mac>]',
      takesValue: true,
      repeats: true,
    },
    {
      flags: ['--bridged'],
      description: 'Add one --network that is the setting local.bridged-network',
      takesValue: false,
    },
    {
      flags: ['--mount'],
      value: 'source>[:<target>',
      description:
        'Mount a local directory in the instance, by default in its home; can be used multiple times',
      takesValue: true,
      repeats: true,
    },
    TIMEOUT_OPTION,
  ],
  async run(invocation) {
    const { context, args } = invocation;
    if (args.length > 1) throw usageError('Too many arguments supplied');
    const { layout, env } = context;
    const cpus = parseCpus(optionValue(invocation, 'cpus'));
    const timeoutMs = parseTimeout(invocation);
    const { readSettings } = await import('../../vm/settings/settings.js');
    const networks = parseNetworks(
      optionValues(invocation, 'network'),
      invocation.options['bridged'] === true ? readSettings(layout, env) : null,
    );
    const memory = optionValue(invocation, 'memory') ?? optionValue(invocation, 'mem');
    const sizes = {
      memory: parseSize(memory, 'memory'),
      disk: parseSize(optionValue(invocation, 'disk'), 'disk'),
    };
    const mounts = await parseMounts(optionValues(invocation, 'mount'));
    const { launchWithProgress } = await import('../launch-with-progress.js');
    const name = await launchWithProgress(context, {
      ...{ layout, env, cpus, timeoutMs, networks, ...sizes },
      image: args[0],
      name: optionValue(invocation, 'name'),
      ...(await userDataOf(invocation)),
    });
    context.stdout.write(`Launched: ${name}\n`);
    for (const { source, target } of mounts) {
      const where = await mountWithProgress(context, { source, target, name });
      context.stdout.write(`Mounted '${source}' into '${name}:${where}'\n`);
    }
    await mountHome(context, name);
    return EXIT.ok;
  },
};

function parseCpus(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\s*\+?[0-9]{1,6}\s*$/.test(text) && Number(text) > 0) return Number(text);
  throw usageError(`Error: invalid CPU count '${text}', need a positive integer value.`);
}

function parseSize(text: string | undefined, what: 'memory' | 'disk'): number | undefined {
  if (text === undefined) return undefined;
  const size = parseMemorySize(text);
  if (size !== null) return size;
  throw new MultipassError(
    'INVALID_ARGUMENT',
    `Invalid arguments supplied: Invalid ${what} size value supplied: ${text}.`,
    { hint: 'Give bytes, or a number followed by K, M or G: 1234B, 42MiB, 0.5G.' },
  );
}

async function userDataOf(
  invocation: Invocation,
): Promise<{ userData?: string; userDataFrom?: string }> {
  const source = optionValue(invocation, 'cloud-init');
  if (source === undefined) return {};
  const { signal, stdin } = invocation.context;
  const { readUserData } = await import('../../vm/launch/read-user-data.js');
  const userData = await readUserData(source, { stdin, signal });
  return { userData, userDataFrom: source === '-' ? 'standard input' : source };
}
