import type { Digest } from '../../files/digest.js';
import { isIndexType } from '../../registry/media-types.js';
import type { FetchedManifest, Repository } from '../../registry/repository.js';
import { decodeIndex, decodeManifest, encodeIndex, type TravelManifest } from './manifest.js';

/** What a reference names, as an index that has an instance's manifest in it. */
export function indexOf({ mediaType, data, digest }: FetchedManifest): Buffer {
  return isIndexType(mediaType) ? data : encodeIndex({ digest, size: data.length });
}

/**
 * The manifest of an instance that is in a registry.
 * @returns undefined when there is nothing of that name
 * @throws RecordError when what is there is no instance; MultipassError REGISTRY_FAILED, REGISTRY_DENIED, ABORTED
 */
export async function instanceManifest(
  repository: Repository,
  tagOrDigest: string,
): Promise<{ manifest: TravelManifest; digest: Digest } | undefined> {
  const origin = `${repository.host}/${repository.name}`;
  const named = await repository.manifest(tagOrDigest);
  if (named === undefined) return undefined;
  if (!isIndexType(named.mediaType)) {
    return { manifest: decodeManifest(named.data, origin), digest: named.digest };
  }
  const { digest } = decodeIndex(named.data, origin);
  const child = await repository.manifest(digest);
  return child && { manifest: decodeManifest(child.data, origin), digest };
}
