import { MultipassError } from '../../errors.js';
import type { StreamImage } from './simplestreams.js';

/** The images a search finds: by alias, and if there is none by that, by the beginning of the hash. */
export function searchImages(images: readonly StreamImage[], search: string): StreamImage[] {
  const named = images.filter(({ aliases }) => aliases.includes(search));
  if (named.length > 0) return named;
  return images.filter(({ id }) => search !== '' && id.startsWith(search.toLowerCase()));
}

/**
 * The one image that is meant; undefined when the remote has none.
 * @throws MultipassError IMAGE_NOT_FOUND when several are meant
 */
export function selectImage(
  images: readonly StreamImage[],
  search: string,
): StreamImage | undefined {
  const found = searchImages(images, search);
  // The same file may be offered by two products.
  const [image, ...others] = [...new Map(found.map((one) => [one.id, one])).values()];
  if (image === undefined) return undefined;
  if (others.length > 0) {
    throw new MultipassError('IMAGE_NOT_FOUND', `Too many images matching "${search}"`, {
      hint: 'Give more of the hash, or the full name of the release.',
      details: { search, ids: found.map(({ id }) => id) },
    });
  }
  return image;
}

/** What an alias that nobody knows is told. */
export function imageNotFound(
  search: string,
  remote: string | null,
  cause?: unknown,
): MultipassError {
  const where = remote === null ? '' : ` in remote "${remote}"`;
  return new MultipassError(
    'IMAGE_NOT_FOUND',
    `Unable to find an image matching "${search}"${where}.`,
    {
      hint: 'See `multipass find` for the images there are.',
      details: { search, remote },
      cause,
    },
  );
}
