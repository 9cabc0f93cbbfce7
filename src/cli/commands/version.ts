import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { formatVersion } from '../format/version.js';
import { FORMAT } from '../options.js';

export const version = defineCommand({
  name: 'version',
  summary: 'Show version details',
  description: 'Display version information about the multipass command.',
  options: { format: FORMAT },
  run({ context, options }) {
    context.stdout.write(formatVersion(context.version, options.format));
    return EXIT.ok;
  },
});
