import { type MultipassError, hasCode } from '../../errors.js';
import { fetchDownload } from './fetch-download.js';
import { belowBase, fetchRemote, type RemoteImages } from './fetch-remote.js';
import type { ImageQuery } from '../records/image-record.js';
import { streamArchitecture } from './architecture.js';
import type { Obtained, ObtainOptions } from './obtain-options.js';
import { DEFAULT_REMOTE, SEARCHED_REMOTES } from './remotes.js';
import { imageNotFound, selectImage } from './select-image.js';
import type { StreamImage } from './simplestreams.js';
import { listImages, readImage, type VaultImage } from './vault.js';
import { newVaultRecord } from './vault-record.js';
import { withOtherWays } from './without-network.js';

/** An image that an image server is asked for. */
interface WantedAlias {
  readonly remote: string | null;
  readonly alias: string;
}

/** What `info` shows of an id at least; less may be a release. */
const SHOWN_ID = /^[0-9a-f]{12,64}$/;

/** Obtains what an image server calls by this name, or by the beginning of this hash. */
export async function obtainFromRemote(
  wanted: WantedAlias,
  options: ObtainOptions,
): Promise<Obtained> {
  const query: ImageQuery = { release: wanted.alias, remote: wanted.remote ?? '', type: 'alias' };
  const known = await findById(wanted, options);
  if (known !== undefined) return { image: known, query, isNew: false };
  let offer: Offer;
  try {
    offer = await findOffer(wanted, options);
  } catch (error) {
    const kept = await keptImage(wanted, options, error);
    return { image: kept, query, isNew: false };
  }
  const { image, base, remote } = offer;
  if (!image.supported) {
    options.work.warn(`The ${wanted.alias} release is no longer supported: it gets no updates.`);
  }
  const present = readImage(options.layout, image.id);
  if (present !== undefined) return { image: present, query, isNew: false };
  const wantedFile = {
    url: belowBase(base, image.path),
    size: image.size,
    sha256: image.id,
    validator: null,
  };
  const record = newVaultRecord({
    ...{ id: image.id, query, remote },
    ...{ release: image.title, os: image.os, version: image.version },
    aliases: image.aliases,
  });
  return { ...(await fetchDownload({ key: image.id, file: wantedFile, record }, options)), query };
}

/** The image that a remote has for it. */
interface Offer {
  readonly image: StreamImage;
  readonly base: URL;
  readonly remote: string;
}

async function findOffer(wanted: WantedAlias, options: ObtainOptions): Promise<Offer> {
  const { mirror, work, stallMs } = options;
  const arch = streamArchitecture(options.arch);
  const remotes = wanted.remote === null ? SEARCHED_REMOTES : [wanted.remote];
  let missed: unknown;
  for (const remote of remotes) {
    let offers: RemoteImages;
    try {
      offers = await fetchRemote({ remote, mirror, arch, signal: work.signal, stallMs });
    } catch (error) {
      // That a further remote cannot be read is no reason to doubt what the first one says.
      if (remote === remotes[0] || !isUnreachable(error)) throw error;
      missed = error;
      continue;
    }
    const image = selectImage(offers.images, wanted.alias);
    if (image !== undefined) return { image, base: offers.base, remote };
  }
  throw imageNotFound(wanted.alias, wanted.remote, missed);
}

/** The image in the store that is named by its id, as `info` shows it: no server need be asked. */
async function findById(
  { remote, alias }: WantedAlias,
  { layout }: ObtainOptions,
): Promise<VaultImage | undefined> {
  if (!SHOWN_ID.test(alias)) return undefined;
  const [image, ...others] = (await listImages(layout)).filter(
    (one) => one.id.startsWith(alias) && (remote === null || one.record.remote === remote),
  );
  return others.length === 0 ? image : undefined;
}

/**
 * The newest image in the store of that name, when its server cannot be asked. @throws what the server did otherwise
 */
async function keptImage(
  wanted: WantedAlias,
  { layout, work }: ObtainOptions,
  error: unknown,
): Promise<VaultImage> {
  if (!isUnreachable(error)) throw error;
  const remotes = wanted.remote === null ? SEARCHED_REMOTES : [wanted.remote];
  const images = (await listImages(layout)).filter(({ record }) => {
    const isCalled = record.aliases.includes(wanted.alias) || record.query.release === wanted.alias;
    return isCalled && remotes.includes(record.remote);
  });
  const image = images.sort(byAge).at(-1);
  if (image === undefined) throw await withOtherWays(error, layout);
  const { version, remote } = image.record;
  work.warn(
    `the image server of "${remote === '' ? DEFAULT_REMOTE : remote}" cannot be asked (${error.message}); ` +
      `version ${version} of "${wanted.alias}", which is there, is used`,
  );
  return image;
}

function byAge(a: VaultImage, b: VaultImage): number {
  const [first, second] = [a, b].map(({ record }) => `${record.version} ${record.created}`);
  return (first ?? '') < (second ?? '') ? -1 : 1;
}

function isUnreachable(error: unknown): error is MultipassError {
  return hasCode(error, 'DOWNLOAD_FAILED');
}
