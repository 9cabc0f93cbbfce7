import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { fromSystemError } from '../../errors.js';
import { digestOf, type Digest } from '../../files/digest.js';
import { TAR_BLOCK, tarHeader } from '../../files/tar/tar-header.js';
import {
  OCI_IMAGE_CONFIG,
  OCI_INDEX,
  OCI_LAYER,
  OCI_MANIFEST,
} from '../../registry/media-types.js';
import { registryFailed } from '../../registry/registry-error.js';
import type { BlobRef } from '../../registry/repository.js';
import type { LongBlob, WritableRepository } from '../../registry/writable-repository.js';
import type { Work } from '../../work.js';
import { streamArchitecture } from '../images/architecture.js';
import { withExportDisks } from './export-disks.js';
import type { ExportSource } from './export-source.js';
import { INSTANCE_TYPE, ROLE } from './media-types.js';

/** What is pushed beside an instance, and named together with it. */
export interface ContainerDiskRequest {
  readonly repository: WritableRepository;
  readonly source: ExportSource;
  /** The manifest of the instance, which is in the registry by its digest already. */
  readonly instance: BlobRef;
  readonly tag: string;
  readonly work: Work;
}

/** The user and the group that KubeVirt reads a disk as. */
const QEMU = 107;

/**
 * Pushes the disk of an instance as a container image, whole and compressed in one layer, and then gives the tag to an
 * index of both: KubeVirt takes the image by its platform, and we the instance. The layer is read from a file in
 * staging, twice: for its digest, and to be sent.
 * @throws MultipassError DISK_FULL, REGISTRY_FAILED, REGISTRY_DENIED, ABORTED, …
 */
export async function pushContainerDisk(
  request: ContainerDiskRequest,
): Promise<{ index: Digest; image: Digest; bytesSent: number }> {
  const { repository, source, instance, tag, work } = request;
  const { opened, state, beforeEnd } = source;
  const { layout, reading } = opened;
  const wanted = { layout, reading, tag: state.tag, flat: true, compressed: true, work };
  const { layer, sent } = await withExportDisks(wanted, async ([disk]) => {
    return await sendLayer(repository, disk.path, work);
  });
  const architecture = streamArchitecture();
  const config = Buffer.from(
    JSON.stringify({
      architecture,
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: [layer.digest] },
    }),
  );
  await repository.upload(config, digestOf(config));
  const image = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: { mediaType: OCI_IMAGE_CONFIG, digest: digestOf(config), size: config.length },
      layers: [{ mediaType: OCI_LAYER, digest: layer.digest, size: layer.size }],
    }),
  );
  await publish(repository, digestOf(image), { mediaType: OCI_MANIFEST, data: image });
  // What has no platform fits every one to some: ours has one that is nobody's.
  const index = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_INDEX,
      artifactType: INSTANCE_TYPE,
      manifests: [
        {
          mediaType: OCI_MANIFEST,
          digest: digestOf(image),
          size: image.length,
          platform: { architecture, os: 'linux' },
        },
        {
          mediaType: OCI_MANIFEST,
          artifactType: INSTANCE_TYPE,
          ...instance,
          platform: { architecture: 'unknown', os: 'unknown' },
          annotations: { [ROLE.key]: ROLE.instance },
        },
      ],
    }),
  );
  beforeEnd();
  work.throwIfAborted();
  await publish(repository, tag, { mediaType: OCI_INDEX, data: index });
  const bytesSent = sent + config.length + image.length + index.length;
  return { index: digestOf(index), image: digestOf(image), bytesSent };
}

async function publish(
  repository: WritableRepository,
  name: string,
  { mediaType, data }: { mediaType: string; data: Buffer },
): Promise<void> {
  const missing = await repository.publish(name, mediaType, data);
  if (missing.length === 0) return;
  throw registryFailed(repository.host, `it has not ${missing.join(', ')}, which was sent`);
}

/** A tar around the disk, that is not compressed: the disk is, and a range of it can be asked for. */
async function sendLayer(
  repository: WritableRepository,
  path: string,
  work: Work,
): Promise<{ layer: BlobRef; sent: number }> {
  work.begin('pushing');
  try {
    await using file = await open(path, 'r');
    const { size } = await file.stat();
    const layer = await layerOf(file, size, work);
    if (await repository.has(layer.digest)) return { layer, sent: 0 };
    await repository.uploadLong(layer, (bytes) => work.advance(bytes / layer.size));
    return { layer, sent: layer.size };
  } catch (error) {
    throw fromSystemError(error, 'read the disk', path);
  }
}

const PIECE = 4 * 1024 ** 2;

async function layerOf(file: FileHandle, size: number, work: Work): Promise<LongBlob> {
  const header = tarHeader({ name: 'disk/disk.qcow2', size, kind: 'file' }, QEMU);
  const total = header.length + size + (-size & (TAR_BLOCK - 1)) + 2 * TAR_BLOCK;
  const read = async (offset: number, length: number): Promise<Buffer> => {
    // Behind the disk there are zeros: what fills up its last block, and the end of the archive.
    const data = Buffer.alloc(length);
    if (offset < header.length) header.copy(data, 0, offset);
    const start = Math.max(0, header.length - offset);
    const end = Math.min(length, header.length + size - offset);
    for (let at = start; at < end;) {
      const { bytesRead } = await file.read(data, at, end - at, offset + at - header.length);
      if (bytesRead === 0) throw new Error('a disk that became shorter');
      at += bytesRead;
    }
    return data;
  };
  const hash = createHash('sha256');
  for (let at = 0; at < total; at += PIECE) {
    work.throwIfAborted();
    hash.update(await read(at, Math.min(PIECE, total - at)));
  }
  return { digest: `sha256:${hash.digest('hex')}`, size: total, read };
}
