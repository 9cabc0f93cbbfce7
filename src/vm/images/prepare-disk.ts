import { chmod, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { checkAndRepairLeaks, amendToV3, convertActive } from '../../qemu/qemu-img.js';
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
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: PrepareProgress) => void) | undefined;
}

export interface PrepareProgress {
  readonly phase: 'extracting' | 'preparing';
  readonly fraction?: number;
}

/**
 * Makes an image's disk, 0444, of whatever came: qcow2 of version 3 that stands alone and has no internal snapshots.
 * After a failure the staged folder is the caller's to remove.
 * @throws MultipassError IMAGE_INVALID, DISK_FULL, TOOL_MISSING, ABORTED, …
 */
export async function prepareDisk(request: PrepareRequest): Promise<void> {
  const { target, origin, signal } = request;
  const extracted = await extractIfPacked(request);
  request.onProgress?.({ phase: 'preparing' });
  const source = extracted ?? request.source;
  const disk = await inspectDisk(source, origin, signal);
  if (mustBeConverted(disk)) await convert(request, source, disk);
  else if (extracted !== undefined) await rename(extracted, target.disk);
  else if (request.verified && disk.qcow2?.version === 3) {
    await linkOrCopy(source, target.disk, { signal });
    await chmod(target.disk, 0o444);
    return;
  } else await copyWhole(source, target.disk, { signal, onProgress: fractionOf(request) });
  // The copy has the mode of the user's own file.
  await chmod(target.disk, 0o600);
  await aboutImage(origin, async () => {
    if (disk.qcow2?.version === 2) await amendToV3(target.disk, { signal });
    await checkAndRepairLeaks(target.disk, { signal });
  });
  if (extracted !== undefined) await rm(extracted, { force: true });
  await chmod(target.disk, 0o444);
}

async function extractIfPacked(request: PrepareRequest): Promise<string | undefined> {
  const { source, origin, target, signal, onProgress } = request;
  if (!isXz(source)) return undefined;
  const extracted = join(target.path, 'extracted');
  onProgress?.({ phase: 'extracting' });
  await extractXz({
    source,
    target: extracted,
    origin,
    signal,
    onProgress: (fraction) => onProgress?.({ phase: 'extracting', fraction }),
  });
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
  const { target, origin, signal } = request;
  await requireSpace(target.disk, await allocatedBytes(source));
  const onProgress = fractionOf(request);
  await aboutImage(origin, () =>
    convertActive({
      ...{ source, target: target.disk, sourceFormat: disk.format },
      ...{ signal, onProgress },
    }),
  );
}

function fractionOf({ onProgress }: PrepareRequest): (fraction: number) => void {
  return (fraction) => onProgress?.({ phase: 'preparing', fraction });
}
