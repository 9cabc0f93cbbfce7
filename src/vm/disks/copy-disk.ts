import { chmod, rm } from 'node:fs/promises';
import { join, dirname } from 'node:path';
import type { Qcow2Facts } from '../../qemu/qcow2-header.js';
import { measure } from '../../qemu/qemu-img.js';
import { INSTANCE_FILES } from '../../store/instance-dir.js';
import type { Work } from '../../work.js';
import { allocatedBytes, copyWhole, reflink } from './copy-file.js';
import { convertState, isLarger } from './convert-state.js';
import { hasSpace, requireSpace } from './free-space.js';

/** Which disk is copied to where. */
export interface CopyDiskRequest {
  readonly source: string;
  readonly facts: Qcow2Facts;
  readonly target: string;
  /** Tag of the internal snapshot whose state is copied; without it, the active state. */
  readonly tag?: string | undefined;
  /** Its phase is told how much is copied. */
  readonly work: Work;
}

/** What the copying of a disk will come to, in bytes on the disk; found out before the work. */
export interface CopyPlan extends CopiedDisk {
  /** Whether the file system has room for what is copied. */
  readonly fits: boolean;
}

/** What the copying of a disk came to, in bytes on the disk. */
export interface CopiedDisk {
  /** `live`: written by the QEMU that runs on it. */
  readonly strategy: 'reflink' | 'copy' | 'convert' | 'live';
  readonly bytesCopied: number;
  readonly bytesShared: number;
}

/**
 * Copies one state of a head, without internal snapshots, by the fastest way that is correct:
 *
 * | source head | shares extents | does not |
 * |---|---|---|
 * | no internal snapshots | `reflink` | `copy` (holes kept) |
 * | internal snapshots | `convert`: flat in their number | `convert` |
 *
 * A backing file stays the backing file, by the same plain name. The source is only read. An interrupted copy is
 * removed.
 * @throws MultipassError DISK_FULL before the work, ABORTED, TOOL_FAILED, TOOL_MISSING, …
 */
export async function copyState(request: CopyDiskRequest): Promise<CopiedDisk> {
  const { source, facts, target, work } = request;
  if (facts.snapshots.length > 0) return await convert(request);
  const strategy = await copyWhole(source, target, work);
  await chmod(target, 0o600);
  const bytes = await allocatedBytes(target);
  return strategy === 'reflink'
    ? { strategy, bytesCopied: 0, bytesShared: bytes }
    : { strategy, bytesCopied: bytes, bytesShared: 0 };
}

async function convert(request: CopyDiskRequest): Promise<CopiedDisk> {
  const { source, facts, target, tag, work } = request;
  const shares = await sharesExtents(source, target);
  if (!shares) await requireSpaceForState(request);
  const base = facts.backingFile;
  try {
    await convertState({ source, facts, target, base, tag, work });
  } catch (error) {
    await rm(target, { force: true });
    throw error;
  }
  await chmod(target, 0o600);
  const bytes = await allocatedBytes(target);
  return shares
    ? { strategy: 'convert', bytesCopied: 0, bytesShared: bytes }
    : { strategy: 'convert', bytesCopied: bytes, bytesShared: 0 };
}

/**
 * What {@link copyState} would do. It leaves nothing behind; `target` is where the copy would be made, in a folder that
 * exists.
 * @throws MultipassError TOOL_FAILED, TOOL_MISSING, ABORTED
 */
export async function planCopy(request: CopyDiskRequest): Promise<CopyPlan> {
  const { source, facts, target, tag, work } = request;
  const { signal } = work;
  const isConverted = facts.snapshots.length > 0;
  const shares = await sharesExtents(source, target);
  const bytes = isConverted
    ? (await measure(source, { snapshot: tag, signal })).required
    : await allocatedBytes(source);
  const strategy = isConverted ? 'convert' : shares ? 'reflink' : 'copy';
  if (shares) return { strategy, bytesCopied: 0, bytesShared: bytes, fits: true };
  const meanwhile = await bytesMeanwhile(request);
  const fits = await hasSpace(target, bytes + meanwhile);
  return { strategy, bytesCopied: bytes, bytesShared: 0, fits };
}

/** A state is at most the whole file; only when that does not fit is the exact figure worth a process. */
async function requireSpaceForState(request: CopyDiskRequest): Promise<void> {
  const { source, target, tag, work } = request;
  const meanwhile = await bytesMeanwhile(request);
  if (await hasSpace(target, meanwhile + (await allocatedBytes(source)))) return;
  const { required } = await measure(source, { snapshot: tag, signal: work.signal });
  await requireSpace(target, meanwhile + required);
}

/** Of a state that takes a copy of the whole head. */
async function bytesMeanwhile({ source, facts, tag }: CopyDiskRequest): Promise<number> {
  return tag !== undefined && isLarger(facts, tag) ? await allocatedBytes(source) : 0;
}

/** Asks the file system itself whether it shares extents, with a small file of the source's folder, an instance's. */
export async function sharesExtents(source: string, target: string): Promise<boolean> {
  const probe = join(dirname(target), '.reflink-probe');
  try {
    return await reflink(join(dirname(source), INSTANCE_FILES.imageRecord), probe);
  } finally {
    await rm(probe, { force: true });
  }
}
