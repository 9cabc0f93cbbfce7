import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { FORMAT } from '../options.js';

export const networks = defineCommand({
  name: 'networks',
  summary: 'List available network interfaces',
  description:
    'List host network devices (physical interfaces and bridges) that an instance can be connected to.',
  options: { format: FORMAT },
  async run({ context, options }) {
    const { formatNetworks } = await import('../format/networks.js');
    const { store, signal, stdout } = context;
    stdout.write(formatNetworks(await store.networks({ work: { signal } }), options.format));
    return EXIT.ok;
  },
});
