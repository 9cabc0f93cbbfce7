import { chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hexOf } from '../../files/digest.js';
import { formatReference } from '../../registry/reference.js';
import { Repository } from '../../registry/repository.js';
import { streamArchitecture } from '../images/architecture.js';
import { DownloadPlace } from '../images/download-place.js';
import type { Obtained, ObtainOptions } from '../images/obtain-options.js';
import { prepareDisk } from '../images/prepare-disk.js';
import { addImage, readImage } from '../images/vault.js';
import { newVaultRecord } from '../images/vault-record.js';
import type { ImageQuery } from '../records/image-record.js';
import { referenceNotFound, registryAccess } from '../registry-access.js';
import { chooseManifest } from './choose-manifest.js';
import { extractDisk } from './extract-disk.js';
import { makeInstanceDisk } from './instance-disk.js';

/**
 * Obtains an image from a registry of container images: the disk of a containerDisk, as KubeVirt has them, or of an
 * instance that was pushed. Its id is the digest of the manifest, so what a tag names is fetched once, and again when
 * the tag has moved on.
 * @throws MultipassError REFERENCE_NOT_FOUND, REGISTRY_DENIED, REGISTRY_FAILED, IMAGE_INVALID, ARTIFACT_INVALID,
 *   DISK_FULL, ABORTED, …; RecordError
 */
export async function obtainFromRegistry(text: string, options: ObtainOptions): Promise<Obtained> {
  const { layout, work, as } = options;
  const { parse, options: access } = registryAccess(layout, work);
  const reference = parse(text);
  const { host, repository: path, tag, digest: pinned } = reference;
  work.begin('retrieving');
  const repository = await Repository.open(host, path, access);
  const named = await repository.manifest(pinned ?? tag ?? '');
  if (named === undefined) throw referenceNotFound(reference);
  const origin = formatReference(reference);
  const architecture = streamArchitecture(options.arch);
  const chosen = await chooseManifest(repository, named, { architecture, origin });
  const { digest } = chosen;
  const release = `docker://${formatReference({ ...reference, tag: null, digest: named.digest })}`;
  const query: ImageQuery = { release, remote: '', type: 'http' };
  const id = as === undefined ? hexOf(digest) : `${hexOf(digest)}-${as}`;
  // Whoever asks for the same one meanwhile waits, and finds it there.
  await using place = await DownloadPlace.take(layout, id, work.signal);
  const known = readImage(layout, id);
  if (known !== undefined) return { image: known, query, isNew: false };
  const image = await addImage(layout, {
    id,
    record: newVaultRecord({ id, query }),
    fill: async (target) => {
      if (chosen.isInstance) {
        const to = { folder: target.path, target: target.disk };
        const what = { reference, digest, options: access, architecture };
        await makeInstanceDisk({ ...what, ...to, work });
        await chmod(target.disk, 0o444);
        return;
      }
      const source = join(target.path, 'came');
      const wanted = { repository, layers: chosen.layers, origin, target: source, work };
      const said = await extractDisk(wanted);
      await prepareDisk({ source, verified: false, origin, as: as ?? said, target, work });
      await rm(source, { force: true });
    },
  });
  await place.clear();
  return { image, query, isNew: true };
}
