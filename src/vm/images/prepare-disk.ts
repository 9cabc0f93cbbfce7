import { chmod, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  amendToV3,
  checkAndRepairLeaks,
  convertActive,
  measure,
  virtualSizeOf,
} from '../../qemu/qemu-img.js';
import type { Work } from '../../work.js';
import type { ImageDir } from '../../store/image-dir.js';
import { copyWhole, linkOrCopy } from '../disks/copy-file.js';
import { requireSpace } from '../disks/free-space.js';
import { extractXz } from './extract-xz.js';
import { aboutImage, imageInvalid } from './image-invalid.js';
import { inspectDisk, requireReasonableSize, type InspectedDisk } from './inspect-disk.js';

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
  /** The user says that it is a raw disk. Default: what it is by its content. */
  readonly as?: 'raw' | undefined;
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
  const { source, disk, isExtracted } = await unpackIfPacked(request);
  work.begin('preparing');
  if (mustBeConverted(disk)) await convert(request, source, disk);
  else if (isExtracted) await rename(source, target.disk);
  else if (request.verified && disk.qcow2?.version === 3) {
    await linkOrCopy(source, target.disk, work);
    await chmod(target.disk, 0o444);
    return;
  } else await copyWhole(source, target.disk, work);
  // The copy has the mode of the user's own file.
  await chmod(target.disk, 0o600);
  const { signal } = work;
  await aboutImage(origin, async () => {
    if (disk.qcow2?.version === 2) await amendToV3(target.disk, { foreign: 'qcow2', signal });
    await checkAndRepairLeaks(target.disk, { foreign: 'qcow2', signal });
  });
  if (isExtracted) await rm(source, { force: true });
  await chmod(target.disk, 0o444);
}

/** The file that the disk is in, and what it is. */
interface Unpacked {
  readonly source: string;
  readonly disk: InspectedDisk;
  /** True for a file in the staged folder. */
  readonly isExtracted: boolean;
}

async function unpackIfPacked(request: PrepareRequest): Promise<Unpacked> {
  const { source, origin, target, work, as } = request;
  const plain = await inspectDisk(source, origin, as);
  if (plain !== undefined) return { source, disk: plain, isExtracted: false };
  const extracted = join(target.path, 'extracted');
  work.begin('extracting');
  await extractXz({ source, target: extracted, origin, work });
  const disk = await inspectDisk(extracted, origin, as);
  if (disk !== undefined) return { source: extracted, disk, isExtracted: true };
  throw imageInvalid(origin, 'it is packed with xz twice', {
    hint: 'Unpack it with `unxz`, and give the path of that file.',
  });
}

function mustBeConverted({ qcow2 }: InspectedDisk): boolean {
  return qcow2 === null || qcow2.snapshots.length > 0;
}

async function convert(
  { target, origin, work }: PrepareRequest,
  source: string,
  { format, qcow2 }: InspectedDisk,
): Promise<void> {
  const { signal } = work;
  const about = { foreign: format, signal };
  const onProgress = (fraction: number): void => work.advance(fraction);
  await aboutImage(origin, async () => {
    if (qcow2 === null) requireReasonableSize(await virtualSizeOf(source, about), origin);
    // What is compressed in the source is not in the target: only this tells how much there will be.
    await requireSpace(target.disk, (await measure(source, about)).required);
    await convertActive({ ...about, source, target: target.disk, onProgress });
  });
}
