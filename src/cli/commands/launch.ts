import {
  hasCode,
  loadImageQuery,
  loadReadUserData,
  loadSettings,
  loadUserData,
} from '../../command-line.js';
import { launchInstance } from '../bring-up.js';
import { defineChange } from '../define-change.js';
import type { CliContext } from '../context.js';
import { usageError } from '../failures.js';
import { launchJson, mountedJson, mountedLine, type MountedFolder } from '../format/launch.js';
import { mountFolder, mountHome, requireMountable } from '../mount.js';
import { CHANGE, flag, repeatedOption, textOption, TIMEOUT, valueOption } from '../options.js';
import { parseCpus, parseImageFormat, parseMountPlace, parseSize } from '../parse.js';
import { parseForward } from '../parse-forward.js';
import { parseNetwork, withBridged } from '../parse-network.js';

export const launch = defineChange({
  name: 'launch',
  summary: 'Create and start an instance',
  description:
    'Create and start a new instance from an image: an alias or release with or without its remote, a URL, or a file.',
  usage: '[[<remote:>]<image> | <url> | <file>]',
  parameters: [
    ['remote:', 'Where to look for the image: release, daily, snapcraft or core'],
    ['image', 'Its alias, its release, or the beginning of its hash; the default one without'],
    ['url', 'Where to download the image from: http:// or https://'],
    ['file', 'An image on this host, as a path or by file://'],
  ],
  examples: [
    ['multipass launch 24.04 -n web -m 2G', 'Ubuntu 24.04 with 2G of memory'],
    ['multipass launch file:///srv/disk.qcow2', 'an image on this host'],
  ],
  argument: ['image-or-file'],
  options: {
    cpus: valueOption({
      flags: ['-c', '--cpus'],
      value: 'cpus',
      description: 'Number of CPUs to allocate; 1 by default',
      parse: parseCpus,
    }),
    disk: valueOption({
      flags: ['-d', '--disk'],
      value: 'disk',
      description: 'Disk space to allocate, such as 10G; at least 512M, 5G by default',
      parse: parseSize,
    }),
    memory: valueOption({
      flags: ['-m', '--memory'],
      value: 'memory',
      description: 'Amount of memory to allocate, such as 2G; at least 128M, 1G by default',
      parse: parseSize,
    }),
    mem: valueOption({
      flags: ['--mem'],
      value: 'memory',
      description: 'Same as --memory',
      hidden: true,
      parse: parseSize,
    }),
    name: textOption({
      flags: ['-n', '--name'],
      value: 'name',
      description: 'Name for the instance; a random one by default',
    }),
    cloudInit: textOption({
      flags: ['--cloud-init'],
      completes: 'file',
      value: 'file|url',
      description: 'Path or URL to a user-data cloud-init configuration, or - for stdin',
    }),
    imageFormat: valueOption({
      flags: ['--image-format'],
      value: 'format',
      description:
        'raw: take the file or download for a raw disk, whatever it looks like; by default its content decides',
      choices: ['raw'],
      parse: parseImageFormat,
    }),
    network: repeatedOption({
      flags: ['--network'],
      completes: 'network',
      value: 'spec',
      description:
        'Add a network interface on a bridge of the host: its name, or name=<name>[,mode=auto|manual][,mac=<mac>]',
      parse: parseNetwork,
    }),
    bridged: flag({
      flags: ['--bridged'],
      description: 'Add one --network that is the setting local.bridged-network',
    }),
    mount: repeatedOption({
      flags: ['--mount'],
      completes: 'folder',
      value: 'source[:target]',
      description:
        'Mount a local directory in the instance, by default in its home; can be used multiple times',
      parse: parseMountPlace,
    }),
    forward: repeatedOption({
      flags: ['--forward'],
      value: 'forward',
      description:
        'Let a port of this host lead into the instance: [<address>:]<host-port>:<port>[/udp], as ' +
        'in 8080:80; can be used multiple times',
      parse: parseForward,
    }),
    timeout: TIMEOUT,
    ...CHANGE,
  },
  async run(invocation, outcome) {
    const { context, args, options } = invocation;
    if (args.length > 1) throw usageError('Too many arguments supplied');
    const { cpus, disk, mem, memory = mem, mount, timeout: timeoutMs } = options;
    if (mem !== undefined) {
      context.stderr.write('Warning: the `--mem` option is deprecated: please use `--memory`.\n');
    }
    await requireImageName(args[0] ?? '');
    const { readSettings } = await loadSettings();
    const networks = withBridged(
      options.network,
      options.bridged ? readSettings(context.layout, context.env) : null,
    );
    for (const { source } of mount) await requireMountable(source);
    const report = await launchInstance(invocation, {
      image: args[0],
      imageFormat: options.imageFormat,
      name: options.name,
      cpus,
      memory,
      disk,
      networks,
      forwards: options.forward,
      timeoutMs,
      ...(await userDataOf(context, options.cloudInit)),
    });
    const { name } = report;
    outcome.print(`Launched: ${name}\n`);
    outcome.set(launchJson(report));
    const mounts = outcome.list('mounts');
    const tell = (mounted: MountedFolder): void => {
      mounts(mountedJson(mounted), `${mounted.source} at ${mounted.target}`);
      outcome.print(mountedLine(mounted, name));
    };
    for (const place of mount) {
      tell({ source: place.source, target: await mountFolder(invocation, { ...place, name }) });
    }
    (await mountHome(invocation, name)).forEach(tell);
    return undefined;
  },
});

async function userDataOf(
  { stdin, signal }: CliContext,
  source: string | undefined,
): Promise<{ userData?: Buffer; userDataFrom?: string }> {
  if (source === undefined) return {};
  const { readUserData } = await loadReadUserData();
  const { checkUserData } = await loadUserData();
  const userDataFrom = source === '-' ? 'standard input' : source;
  try {
    const userData = await readUserData(source, { stdin, signal });
    checkUserData({ userData, from: userDataFrom });
    return { userData, userDataFrom };
  } catch (error) {
    if (!hasCode(error, 'INVALID_ARGUMENT')) throw error;
    throw usageError(`Could not load cloud-init configuration: ${error.message}`, error.hint);
  }
}

/** A name that no image can have is a wrong command line; whether there is such an image is another matter. */
async function requireImageName(query: string): Promise<void> {
  const { parseImageQuery } = await loadImageQuery();
  try {
    parseImageQuery(query);
  } catch (error) {
    if (!hasCode(error, 'INVALID_ARGUMENT')) throw error;
    throw usageError(`error: ${error.message}`, error.hint);
  }
}
