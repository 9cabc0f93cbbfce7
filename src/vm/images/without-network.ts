import { hasCode } from '../../errors.js';
import type { StoreLayout } from '../../store/layout.js';
import { checkStoreFormat } from '../../store/format.js';
import { SEARCHED_REMOTES } from './remotes.js';
import { listImages } from './vault.js';

/** More names help nobody. */
const MOST_NAMES = 8;

/**
 * Gives the failure to ask an image server a hint of what works without one: the images in the store that have a name,
 * a file, and another server. Whatever else it is comes back unchanged.
 */
export async function withOtherWays(error: unknown, layout: StoreLayout): Promise<unknown> {
  if (!hasCode(error, 'DOWNLOAD_FAILED')) return error;
  const images = checkStoreFormat(layout) ? await listImages(layout) : [];
  const names = images.flatMap(({ record: { query, remote, aliases } }) => {
    const name = query.type === 'alias' ? query.release : aliases[0];
    if (name === undefined || name === '') return [];
    return SEARCHED_REMOTES.includes(remote) ? [name] : [`${remote}:${name}`];
  });
  const kept = [...new Set(names)].sort().slice(0, MOST_NAMES);
  const first =
    kept.length === 0
      ? 'Look at the network.'
      : `These images are in the store, and can be launched without a server: ${kept.join(', ')}.`;
  return error.restated({
    hint:
      `${first} A file can be launched, too (\`multipass launch ./disk.img\`), and ` +
      '`multipass set local.image.mirror=https://…` names another server.',
  });
}
