import { guess } from '../../command-line.js';
import type { Invocation } from '../command.js';
import { defineChange } from '../define-change.js';
import { forEach, usageError } from '../failures.js';
import type { Outcome } from '../outcome.js';
import { FORMAT, PROGRESS, valueOption } from '../options.js';
import { parseImageFormat } from '../parse.js';
import { withWork } from '../work.js';

const OPTIONS = {
  format: FORMAT,
  imageFormat: valueOption({
    flags: ['--image-format'],
    value: 'format',
    description: 'raw: import the file or download as a raw disk, whatever it looks like',
    choices: ['raw'],
    parse: parseImageFormat,
  }),
  ...PROGRESS,
};

type ImageInvocation = Invocation<typeof OPTIONS>;

/** What one of the first words does. @param names the words behind it */
type ImageAction = (
  invocation: ImageInvocation,
  names: readonly string[],
  outcome: Outcome,
) => Promise<void>;

const ACTIONS: Readonly<Record<string, ImageAction>> = {
  list: listImages,
  import: importImage,
  remove: removeImages,
};

/** What is in the store to launch instances from. */
export const image = defineChange({
  name: 'image',
  summary: 'List, import or remove images of the store',
  description:
    'List the images that are in the store, with what each takes and who uses it; import one, of a ' +
    'server, a file or a URL, without launching anything; or remove some that no instance uses.',
  usage: 'list | import <image> | remove <image> [<image> ...]',
  parameters: [
    ['image', 'An image by its name, with or without a remote; to import also a URL or a file'],
  ],
  argument: 'image-action',
  options: OPTIONS,
  async run(invocation, outcome) {
    const [word = '', ...names] = invocation.args;
    const act = Object.hasOwn(ACTIONS, word) ? ACTIONS[word] : undefined;
    const known = Object.keys(ACTIONS);
    if (act === undefined) {
      throw usageError(`Please say what to do: ${known.join(', ')}.`, guess(word, known));
    }
    await act(invocation, names, outcome);
    return undefined;
  },
});

async function listImages({ context, options }: ImageInvocation, names: readonly string[]) {
  if (names.length > 0) throw usageError('Too many arguments given');
  const { formatImages } = await import('../format/images.js');
  context.stdout.write(formatImages(await context.store.images(), options.format));
}

async function importImage(
  invocation: ImageInvocation,
  [query, ...more]: readonly string[],
  outcome: Outcome,
) {
  if (query === undefined || more.length > 0) throw usageError('Please name one image.');
  const { store } = invocation.context;
  const { imageFormat } = invocation.options;
  const { id, isNew } = await withWork(invocation, 'Importing image', (work) =>
    store.importImage(query, { imageFormat, work }),
  );
  outcome.print(`${isNew ? 'Imported' : 'Already there'}: ${id.slice(0, 12)}\n`);
  outcome.set({ imported: id, is_new: isNew });
}

async function removeImages(
  invocation: ImageInvocation,
  names: readonly string[],
  outcome: Outcome,
) {
  if (names.length === 0) throw usageError('Please name an image.');
  const { store } = invocation.context;
  const removed = outcome.list('removed');
  await forEach(new Set(names), async (name) => {
    removed(await store.removeImage(name), name);
  });
}
