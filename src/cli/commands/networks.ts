import { loadChooseNetwork } from '../../command-line.js';
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
    const { layout, env, store, signal, stdout, stderr } = context;
    stdout.write(formatNetworks(await store.networks({ work: { signal } }), options.format));
    const { whyAlone } = await loadChooseNetwork();
    const why = await whyAlone(layout, { env, signal });
    if (why !== undefined) stderr.write(`note: ${why}\n`);
    return EXIT.ok;
  },
});
