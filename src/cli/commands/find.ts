import { loadImageQuery } from '../../command-line.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { usageError } from '../failures.js';
import { flag, FORMAT, PROGRESS } from '../options.js';
import { withWork } from '../work.js';

export const find = defineCommand({
  name: 'find',
  summary: 'Display available images to create instances from',
  description:
    'List the images that instances can be launched from: all that are supported, or those that ' +
    'match <string>, which is an alias, a release, or the beginning of a hash.',
  usage: '[<remote:>][<string>]',
  parameters: [
    ['remote:', 'Where to look: release, daily, snapcraft or core'],
    ['string', 'What the images have in their names, or how their hashes begin'],
  ],
  argument: ['image'],
  options: {
    showUnsupported: flag({
      flags: ['--show-unsupported'],
      description: 'Show images of releases that are no longer supported as well',
    }),
    forceUpdate: flag({
      flags: ['--force-update'],
      description: 'Accepted as in Multipass: the image servers are asked each time',
    }),
    onlyImages: flag({ flags: ['--only-images'], description: 'Show only images' }),
    onlyBlueprints: flag({
      flags: ['--only-blueprints'],
      description:
        'Accepted as in Multipass 1.16: there are no blueprints, and so nothing is shown',
    }),
    format: FORMAT,
    ...PROGRESS,
  },
  async run(invocation) {
    const { context, args, options } = invocation;
    const [text = '', ...more] = args;
    if (more.length > 0) throw usageError('Wrong number of arguments');
    const { splitRemote } = await loadImageQuery();
    if (text.split(':').length > 2) throw usageError('Invalid remote and search string supplied');
    if (options.onlyImages && options.onlyBlueprints) {
      throw usageError('Specify one of "--only-images", "--only-blueprints" or omit to fetch both');
    }
    const { formatFind } = await import('../format/find.js');
    if (options.onlyBlueprints) {
      context.stdout.write(formatFind([], options.format, { kind: 'blueprints' }));
      return EXIT.ok;
    }
    const { remote, search } = splitRemote(text);
    const images = await withWork(invocation, 'Looking for images', async (work) => {
      const { showUnsupported } = options;
      const found = await context.store.find({ remote, search, showUnsupported, work });
      for (const { message } of found.problems) work.warn(message);
      return found.images;
    });
    const kind = options.onlyImages ? 'images' : 'all';
    context.stdout.write(formatFind(images, options.format, { search, kind }));
    return EXIT.ok;
  },
});
