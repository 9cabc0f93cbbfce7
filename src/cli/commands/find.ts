import { FORMAT_OPTION, optionValue, usageError, type Command } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { parseOutputFormat } from '../format/output-format.js';
import { tellWarning } from '../problems.js';
import { Spinner } from '../spinner.js';

export const find: Command = {
  name: 'find',
  aliases: [],
  summary: 'Display available images to create instances from',
  description:
    'List the images that instances can be launched from: all that are supported, or those that match <string>, which is an alias, a release, or the beginning of a hash.',
  usage: '[<remote:>][<string>]',
  argument: 'none',
  options: [
    {
      flags: ['--show-unsupported'],
      description: 'Show images of releases that are no longer supported as well',
      takesValue: false,
    },
    {
      flags: ['--force-update'],
      description: 'Accepted as in Multipass: the image servers are asked each time',
      takesValue: false,
    },
    FORMAT_OPTION,
  ],
  async run(invocation) {
    const { context, args, options } = invocation;
    const [text = '', ...more] = args;
    if (more.length > 0) throw usageError('Wrong number of arguments');
    const format = parseOutputFormat(optionValue(invocation, 'format') ?? 'table');
    const { splitRemote } = await import('../../vm/images/image-query.js');
    if (text.split(':').length > 2) throw usageError('Invalid remote and search string supplied');
    const { remote, search } = splitRemote(text);
    const { readSettings } = await import('../../vm/settings/settings.js');
    const { imageMirror } = readSettings(context.layout, context.env);
    const { findImages } = await import('../../vm/images/find-images.js');
    const { formatFind } = await import('../format/find.js');
    const spinner = await Spinner.start(context.stderr, 'Looking for images');
    try {
      const { images, problems } = await findImages({
        ...{ mirror: imageMirror, remote, search },
        showUnsupported: options['show-unsupported'] === true,
        work: { signal: context.signal },
      });
      spinner.stop();
      for (const { message } of problems) tellWarning(context, message);
      context.stdout.write(formatFind(images, format));
      return EXIT.ok;
    } finally {
      spinner.stop();
    }
  },
};
