import { FORMAT_OPTION, optionValue, usageError, type Command } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { parseOutputFormat } from '../format/output-format.js';

export const networks: Command = {
  name: 'networks',
  aliases: [],
  summary: 'List available network interfaces',
  description:
    'List host network devices (physical interfaces and bridges) that an instance can be connected to.',
  usage: '',
  argument: 'none',
  options: [FORMAT_OPTION],
  async run(invocation) {
    const { context, args } = invocation;
    if (args.length > 0) throw usageError('This command takes no arguments');
    const format = parseOutputFormat(optionValue(invocation, 'format') ?? 'table');
    const { hostNetworks } = await import('../../net/bridge/host-networks.js');
    const { formatNetworks } = await import('../format/networks.js');
    context.stdout.write(formatNetworks(await hostNetworks(context.signal), format));
    return EXIT.ok;
  },
};
