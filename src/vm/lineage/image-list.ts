import { existsSync } from 'node:fs';
import { MultipassError } from '../../errors.js';
import { guess } from '../../nearest.js';
import { checkStoreFormat } from '../../store/format.js';
import type { StoreLayout } from '../../store/layout.js';
import { instanceEntryNames } from '../../store/listing.js';
import { diskUsage } from './disk-usage.js';
import { prepareStore } from '../sweep.js';
import { removeIfUnused } from '../images/purge-images.js';
import { splitRemote } from '../images/image-query.js';
import { listImages, type VaultImage } from '../images/vault.js';

/** An image in the store, as it is listed. */
export interface ListedImage {
  /** What it is called in the store: the hash of its file, in hex. */
  readonly id: string;
  /** What it is called: its server's name for it that says most, or what the user asked for; '' for neither. */
  readonly name: string;
  /** Further names by which its server knows it. */
  readonly aliases: readonly string[];
  /** The server it came from; '' for a file or a URL. */
  readonly remote: string;
  /** `Ubuntu`, …; '' when it is not known. */
  readonly os: string;
  /** Such as `24.04 LTS`; '' when it is not known. */
  readonly release: string;
  /** Such as `20260518`; '' when it is not known. */
  readonly version: string;
  /** When it was added. UTC, ISO 8601 with milliseconds. */
  readonly created: string;
  /** The size the guest sees, in bytes. */
  readonly virtualBytes: number;
  /** What it takes on the disk, in bytes. */
  readonly bytes: number;
  /** The instances that stand on it, sorted by name: soft-deleted and Broken ones as well. */
  readonly usedBy: readonly string[];
}

/**
 * Every image in the store, by remote and name. Takes no lock and writes nothing.
 * @param exists true where the caller has looked: the store is there, and of a format that we know
 * @throws MultipassError STORE_TOO_NEW, PERMISSION_DENIED
 */
export async function listVault(
  layout: StoreLayout,
  { exists }: { readonly exists?: true } = {},
): Promise<ListedImage[]> {
  if (exists !== true && !checkStoreFormat(layout)) return [];
  const instances = instanceEntryNames(layout).sort();
  const images = (await listImages(layout)).map((image) => listed(layout, image, instances));
  return images.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/**
 * Removes an image that no instance stands on.
 * @param wanted its name with or without its remote, any of its aliases, or the beginning of its id
 * @returns its id
 * @throws MultipassError IMAGE_NOT_FOUND when there is none, or several are meant; DISK_IN_USE when an instance stands
 *   on it, or somebody is about to use it; STORE_READ_ONLY, …
 */
export async function removeImage(layout: StoreLayout, wanted: string): Promise<string> {
  const images = await listVault(layout);
  const image = requireOne(images, wanted);
  const { id, usedBy } = image;
  if (usedBy.length > 0) throw imageInUse(wanted, usedBy);
  await prepareStore(layout, { exists: true });
  if (await removeIfUnused(layout, { id, dir: layout.image(id) })) return id;
  throw imageInUse(wanted, []);
}

function listed(
  layout: StoreLayout,
  { id, dir, virtualSize, record }: VaultImage,
  instances: readonly string[],
): ListedImage {
  const { exclusive, shared } = diskUsage(dir.path);
  const [name = record.query.release, ...aliases] = record.aliases;
  const { remote, os, release, version, created } = record;
  return {
    ...{ id, name, aliases, remote, os, release, version, created },
    virtualBytes: virtualSize,
    bytes: exclusive + shared,
    usedBy: instances.filter((instance) => existsSync(layout.instance(instance).base(id))),
  };
}

function requireOne(images: readonly ListedImage[], wanted: string): ListedImage {
  const found = images.filter((image) => isCalled(image, wanted));
  const [image, ...others] = found;
  if (image !== undefined && others.length === 0) return image;
  const isMissing = image === undefined;
  const known = images.flatMap(({ name, aliases }) => [name, ...aliases]);
  throw new MultipassError(
    'IMAGE_NOT_FOUND',
    isMissing
      ? `there is no image "${wanted}" in the store`
      : `several images are called "${wanted}"`,
    {
      hint: isMissing
        ? guess(wanted, known, 'See `multipass image list` for those there are.')
        : `Give the id of one: ${found.map(({ id }) => id.slice(0, SHOWN_ID)).join(', ')}.`,
      details: { wanted },
    },
  );
}

const SHOWN_ID = 12;

function isCalled({ id, name, aliases, remote }: ListedImage, wanted: string): boolean {
  if (id === wanted || (wanted.length >= SHOWN_ID && id.startsWith(wanted))) return true;
  if ([name, ...aliases].includes(wanted)) return true;
  if (wanted.split(':').length !== 2) return false;
  const query = splitRemote(wanted);
  return query.remote === remote && [name, ...aliases].includes(query.search);
}

function imageInUse(wanted: string, usedBy: readonly string[]): MultipassError {
  const who = usedBy.length === 0 ? 'by another command' : `by ${usedBy.join(', ')}`;
  return new MultipassError('DISK_IN_USE', `the image "${wanted}" is used ${who}`, {
    hint: 'It shares its disk with them: without it no byte would be free until they are purged.',
    details: { wanted, usedBy },
  });
}

/** What needs no naming comes first. */
function keyOf({ remote, name, id }: ListedImage): string {
  return [remote === 'release' ? '' : remote, name, id].join('\0');
}
