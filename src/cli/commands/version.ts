import { FORMAT_OPTION, optionValue, usageError, type Command } from '../command.js';
import { formatVersion } from '../format/version.js';
import { parseOutputFormat } from '../format/output-format.js';
import { EXIT } from '../exit-codes.js';

export const version: Command = {
  name: 'version',
  aliases: [],
  summary: 'Show version details',
  description: 'Display version information about the multipass command.',
  usage: '',
  argument: 'none',
  options: [FORMAT_OPTION],
  run(invocation) {
    const { context, args } = invocation;
    if (args.length > 0) throw usageError('This command takes no arguments');
    const format = parseOutputFormat(optionValue(invocation, 'format') ?? 'table');
    context.stdout.write(formatVersion(context.version, format));
    return Promise.resolve(EXIT.ok);
  },
};
