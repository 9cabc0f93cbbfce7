import { chmod } from 'node:fs/promises';
import { amendToV3, convertActive, measure } from '../../qemu/qemu-img.js';
import { allocatedBytes, copyWhole, linkOrCopy } from '../disks/copy-file.js';
import type { Work } from '../../work.js';
import { requireSpace } from '../disks/free-space.js';
import type { LegacyDisk } from './legacy-disk.js';
import type { MigratedInstance } from './report.js';

/** Which disk comes over. */
export interface BringDiskRequest {
  readonly disk: LegacyDisk;
  /** `move`: the disk is this instance's alone, and will be deleted. */
  readonly mode: 'copy' | 'move';
  /** Its phase is told how much is copied. */
  readonly work: Work;
}

/** How a disk came over, as the report has it. */
export type BroughtDisk = Pick<MigratedInstance, 'method' | 'bytes'>;

/**
 * Makes a head of a legacy disk, which is only read; with `move`, a second name of the very file where that can be.
 * @throws MultipassError DISK_FULL, DISK_IN_USE, ABORTED, TOOL_FAILED, …
 */
export async function bringDisk(request: BringDiskRequest, target: string): Promise<BroughtDisk> {
  const { disk, work } = request;
  const way = wayOf(request);
  if (way === 'convert') {
    const about = { foreign: disk.format, signal: work.signal };
    await requireSpace(target, (await measure(disk.path, about)).required);
    await convertActive({
      ...about,
      source: disk.path,
      target,
      onProgress: (fraction) => work.advance(fraction),
    });
    return { method: 'convert', bytes: await allocatedBytes(target) };
  }
  const how =
    way === 'link'
      ? await linkOrCopy(disk.path, target, work)
      : await copyWhole(disk.path, target, work);
  if (how === 'link') return { method: 'move', bytes: 0 };
  await chmod(target, 0o600);
  if (isOfVersion2(disk)) await amendToV3(target, { foreign: 'qcow2', signal: work.signal });
  return { method: how, bytes: how === 'copy' ? await allocatedBytes(target) : 0 };
}

/** What {@link bringDisk} would do; whether extents can be shared is for the file system to say, and so left open. */
export async function foreseeDisk(request: Omit<BringDiskRequest, 'work'>): Promise<BroughtDisk> {
  const way = wayOf(request);
  if (way === 'link') return { method: 'move', bytes: 0 };
  const bytes = await allocatedBytes(request.disk.path);
  return { method: way === 'convert' ? 'convert' : null, bytes };
}

/** A link must not be rewritten, and only what will be deleted may be one file with our head. */
function wayOf({ disk, mode }: Omit<BringDiskRequest, 'work'>): 'convert' | 'link' | 'copy' {
  if (disk.convert) return 'convert';
  return mode === 'move' && !isOfVersion2(disk) ? 'link' : 'copy';
}

/** Disks from before Multipass 1.13. */
function isOfVersion2({ facts }: LegacyDisk): boolean {
  return facts?.version === 2;
}
