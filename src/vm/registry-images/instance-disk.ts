import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../../files/digest.js';
import type { Reference } from '../../registry/reference.js';
import type { RegistryOptions } from '../../registry/registry-connection.js';
import { convertActive } from '../../qemu/qemu-img.js';
import { InstanceDir } from '../../store/instance-dir.js';
import type { Work } from '../../work.js';
import { requireSpace } from '../disks/free-space.js';
import { imageInvalid } from '../images/image-invalid.js';
import { Assembly } from '../travel/assembly.js';
import { decodeManifest } from '../travel/manifest.js';
import { RegistrySource } from '../travel/registry-source.js';
import { decodeTravelConfig, LARGEST_CONFIG } from '../travel/travel-config.js';
import { verifyDisks } from '../travel/verify-disks.js';

/** Which instance's disk becomes an image. */
export interface InstanceDiskRequest {
  readonly reference: Reference;
  readonly digest: Digest;
  readonly options: RegistryOptions;
  readonly architecture: string;
  /** A folder in staging. */
  readonly folder: string;
  /** The disk that is made. */
  readonly target: string;
  readonly work: Work;
}

/**
 * Makes one disk that stands alone of an instance in a registry, in its present state.
 * @throws MultipassError ARTIFACT_INVALID, IMAGE_INVALID for another architecture, DISK_FULL, ABORTED, …; RecordError
 */
export async function makeInstanceDisk(request: InstanceDiskRequest): Promise<void> {
  const { reference, digest, options, architecture, folder, target, work } = request;
  await using source = await RegistrySource.open({ ...reference, tag: null, digest }, options);
  const { origin, named } = source;
  const manifest = decodeManifest(named.data, origin);
  if (manifest.config.size > LARGEST_CONFIG) throw imageInvalid(origin, 'its config is too large');
  const config = decodeTravelConfig(await source.blob(manifest.config), origin);
  if (config.architecture !== architecture) {
    throw imageInvalid(
      origin,
      `it is for ${config.architecture}, and this host is ${architecture}`,
    );
  }
  if (config.files.some(({ kept }) => kept !== null)) {
    throw imageInvalid(origin, 'a base of it is left out');
  }
  const path = join(folder, 'artifact');
  await mkdir(path, { mode: 0o700 });
  const dir = new InstanceDir(path);
  await requireSpace(
    dir.disk,
    config.files.reduce((sum, { size }) => sum + size, 0),
  );
  {
    await using assembly = await Assembly.begin({ dir, files: config.files, origin, work });
    await assembly.complete(manifest, source);
  }
  await verifyDisks({ dir, config, here: new Set(), origin, work });
  work.begin('preparing');
  const onProgress = (fraction: number): void => work.advance(fraction);
  await convertActive({ source: dir.disk, target, signal: work.signal, onProgress });
  await rm(path, { recursive: true });
}
