import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { FORMAT } from '../options.js';

export const forwards = defineCommand({
  name: 'forwards',
  summary: 'List the ports of this host that lead into instances',
  description:
    'List the ports of this host that lead into instances: active, blocked (and by whom), or ' +
    'stopped with the instance.',
  options: { format: FORMAT },
  async run({ context: { store, stdout }, options }) {
    const { formatForwards } = await import('../format/forwards.js');
    stdout.write(formatForwards(await store.forwards(), options.format));
    return EXIT.ok;
  },
});
