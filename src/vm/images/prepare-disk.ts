import { chmod, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { checkAndRepairLeaks, amendToV3, convertActive } from '../../qemu/qemu-img.js';
import type { Work } from '../../work.js';
import type { ImageDir } from '../../store/image-dir.js';
import { allocatedBytes, copyWhole, linkOrCopy } from '../disks/copy-file.js';
import { requireSpace } from '../disks/free-space.js';
import { extractXz } from './extract-xz.js';
import { aboutImage } from './image-invalid.js';
import { inspectDisk, isXz, type InspectedDisk } from './inspect-disk.js';

/** Where an image's disk is made, and from what. */
export interface PrepareRequest {
  /** The file from outside; it is only read. */
  readonly source: string;
  /**
   * True for a file of our own whose hash was verified: a disk that needs no change is linked, and not looked
   * through. Anything else is copied.
   */
  readonly verified: boolean;
  /** Its URL or path, for messages. */
  readonly origin: string;
  /** The folder in staging. */
  readonly target: ImageDir;
  /** Goes through the phases `extracting`, when it is packed, and `preparing`. */
  readonly work: Work;
}

/**
 * Makes an image's disk, 0444, of whatever came: qcow2 of version 3 that stands alone and has no internal snapshots.
 * After a failure the staged folder is the caller's to remove.
 * @throws MultipassError IMAGE_INVALID, DISK_FULL, TOOL_MISSING, ABORTED, …
 */
export async function prepareDisk(request: PrepareRequest): Promise<void> {
  const { target, origin, work } = request;
  const extracted = await extractIfPacked(request);
  work.begin('preparing');
  const source = extracted ?? request.source;
  const disk = await inspectDisk(source, origin, work.signal);
  if (mustBeConverted(disk)) await convert(request, source, disk);
  else if (extracted !== undefined) await rename(extracted, target.disk);
  else if (request.verified && disk.qcow2?.version === 3) {
    await linkOrCopy(source, target.disk, work);
    await chmod(target.disk, 0o444);
    return;
  } else await copyWhole(source, target.disk, work);
  // The copy has the mode of the user's own file.
  await chmod(target.disk, 0o600);
  await aboutImage(origin, async () => {
    if (disk.qcow2?.version === 2) await amendToV3(target.disk, work);
    await checkAndRepairLeaks(target.disk, work);
  });
  if (extracted !== undefined) await rm(extracted, { force: true });
  await chmod(target.disk, 0o444);
}

async function extractIfPacked(request: PrepareRequest): Promise<string | undefined> {
  const { source, origin, target, work } = request;
  if (!isXz(source)) return undefined;
  const extracted = join(target.path, 'extracted');
  work.begin('extracting');
  await extractXz({ source, target: extracted, origin, work });
  return extracted;
}

function mustBeConverted({ qcow2 }: InspectedDisk): boolean {
  return qcow2 === null || qcow2.snapshots.length > 0;
}

async function convert(
  request: PrepareRequest,
  source: string,
  disk: InspectedDisk,
): Promise<void> {
  const { target, origin, work } = request;
  const { signal } = work;
  await requireSpace(target.disk, await allocatedBytes(source));
  const onProgress = (fraction: number): void => work.advance(fraction);
  await aboutImage(origin, () =>
    convertActive({
      source,
      target: target.disk,
      sourceFormat: disk.format,
      signal,
      onProgress,
    }),
  );
}
