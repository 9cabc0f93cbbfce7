import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { FORMAT } from '../options.js';

export const aliases = defineCommand({
  name: 'aliases',
  summary: 'List available aliases',
  description: 'List the aliases of every context; the active context is marked by an asterisk.',
  options: { format: FORMAT },
  async run({ context: { store, stdout }, options }) {
    const { formatAliases } = await import('../format/aliases.js');
    stdout.write(formatAliases(await store.aliases(), options.format));
    return EXIT.ok;
  },
});
