import { JsonPlace } from '../../files/decoder.js';
import { decodeDigest, type Digest } from '../../files/digest.js';
import { isIndexType } from '../../registry/media-types.js';
import type { BlobRef, FetchedManifest, Repository } from '../../registry/repository.js';
import { imageInvalid } from '../images/image-invalid.js';
import { CONFIG_TYPE, INSTANCE_TYPE, ROLE } from '../travel/media-types.js';

/** What of a registry becomes an image: an instance of ours, or a container image with a disk in it. */
export interface ChosenManifest {
  readonly digest: Digest;
  readonly isInstance: boolean;
  /** Of a container image. */
  readonly layers: readonly Layer[];
}

/** One layer of a container image. */
export interface Layer extends BlobRef {
  readonly mediaType: string;
}

/** A container image has a few layers, and an index some platforms. */
const MOST_LAYERS = 128;
const MOST_MANIFESTS = 64;
/** The largest layer that is taken, as for disks. */
const LARGEST_LAYER = 16 * 1024 ** 4;

/**
 * Chooses what of that which a reference names is for an architecture: a container image for it before an instance of
 * ours, for that is what the publisher meant to be started from.
 * @throws RecordError; MultipassError IMAGE_INVALID when there is nothing for it; REGISTRY_FAILED, …
 */
export async function chooseManifest(
  repository: Repository,
  named: FetchedManifest,
  { architecture, origin }: { readonly architecture: string; readonly origin: string },
): Promise<ChosenManifest> {
  if (!isIndexType(named.mediaType)) return decodeImage(named, origin);
  const digest = decodePlatforms(named.data, { architecture, origin });
  if (digest === undefined) {
    throw imageInvalid(origin, `it has nothing for ${architecture}`, {
      hint: `Choose one that is built for ${architecture}.`,
    });
  }
  const child = await repository.manifest(digest);
  if (child === undefined || isIndexType(child.mediaType)) {
    throw imageInvalid(origin, `its manifest ${digest} is not there, or is a list itself`);
  }
  return decodeImage(child, origin);
}

/** Which manifest of an index is for an architecture. @throws RecordError @internal for its tests */
export function decodePlatforms(
  data: Buffer,
  { architecture, origin }: { readonly architecture: string; readonly origin: string },
): Digest | undefined {
  const place = JsonPlace.parse(`${origin}: index`, data.toString('utf8'));
  const manifests = place.key('manifests').items(MOST_MANIFESTS);
  const fits = manifests.find((one) => {
    const platform = one.key('platform');
    if (platform.isAbsent() || isOurs(one)) return false;
    const [os, its] = [platform.key('os').value, platform.key('architecture').value];
    return os === 'linux' && its === architecture;
  });
  const found = fits ?? manifests.find(isOurs);
  return found && decodeDigest(found.key('digest'));
}

function isOurs(one: JsonPlace): boolean {
  const notes = one.key('annotations');
  if (!notes.isAbsent() && notes.key(ROLE.key).value === ROLE.instance) return true;
  return one.key('artifactType').value === INSTANCE_TYPE;
}

function decodeImage({ data, digest }: FetchedManifest, origin: string): ChosenManifest {
  const place = JsonPlace.parse(`${origin}: manifest`, data.toString('utf8'));
  if (place.key('config').key('mediaType').value === CONFIG_TYPE) {
    return { digest, isInstance: true, layers: [] };
  }
  const layers = place
    .key('layers')
    .items(MOST_LAYERS)
    .map((layer) => {
      const size = layer.key('size').integer(0);
      if (size > LARGEST_LAYER) layer.key('size').fail(`expected at most ${LARGEST_LAYER} bytes`);
      const mediaType = layer.key('mediaType').string();
      return { mediaType, digest: decodeDigest(layer.key('digest')), size };
    });
  return { digest, isInstance: false, layers };
}
