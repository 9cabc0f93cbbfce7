import { randomBytes } from 'node:crypto';
import { chmod, readdir } from 'node:fs/promises';
import { createOverlay } from '../../qemu/create-overlay.js';
import { resize } from '../../qemu/qemu-img.js';
import { readQcow2 } from '../../qemu/qcow2-header.js';
import { BASE_FILE, type InstanceDir } from '../../store/instance-dir.js';
import { backingChain } from '../disks/backing-chain.js';
import type { CopiedDisk, CopyDiskRequest } from '../disks/copy-disk.js';
import { allocatedBytes, copySmall, copyWhole, linkOrCopy } from '../disks/copy-file.js';
import type { Work } from '../../work.js';
import type { InstanceReading } from '../read-instance.js';
import type { SourceState } from './source-state.js';

/** Whose disk is cloned, in which state, and where to. */
export interface HeadRequest {
  readonly source: InstanceReading;
  readonly state: SourceState;
  /** True: no data is copied. A source without internal snapshots is frozen by then. */
  readonly linked: boolean;
  /** Copies the state from the source, stopped or running. */
  readonly copy: (request: CopyDiskRequest) => Promise<CopiedDisk>;
  /** The staged folder of the clone. */
  readonly target: InstanceDir;
  /** Its phase is told how much is copied. */
  readonly work: Work;
}

/** How the disk of a clone came to be, in bytes on the disk. */
export interface MadeHead extends Omit<CopiedDisk, 'strategy'> {
  readonly strategy: CopiedDisk['strategy'] | 'linked';
  /** How many bases it stands on. */
  readonly layers: number;
}

/**
 * Makes the head of a clone in its staged folder, with the bases it stands on.
 * @throws MultipassError DISK_FULL before the work, DISK_INVALID, TOOL_FAILED, ABORTED, …
 */
export async function makeHead(request: HeadRequest): Promise<MadeHead> {
  const { source, state, linked, target, work } = request;
  const chain = backingChain(source.dir, source.disk);
  for (const base of chain) {
    await linkOrCopy(source.dir.file(base), target.file(base), work);
  }
  if (linked) return await layOn(request, chain);
  const made = await request.copy({
    source: source.dir.disk,
    facts: source.disk,
    tag: state.tag,
    target: target.disk,
    work,
  });
  await grow(target, state.spec.disk, work.signal);
  return { ...made, layers: chain.length };
}

/**
 * A further clone of one that is staged already: its head is copied, whatever it took to make, and its bases shared.
 */
export async function repeatHead(
  first: InstanceDir,
  target: InstanceDir,
  { isEmpty, work }: { readonly isEmpty: boolean; readonly work: Work },
): Promise<void> {
  for (const file of await readdir(first.path)) {
    if (BASE_FILE.test(file)) await linkOrCopy(first.file(file), target.file(file), work);
  }
  if (isEmpty) await copySmall(first.disk, target.disk, { signal: work.signal });
  else await copyWhole(first.disk, target.disk, { signal: work.signal });
  await chmod(target.disk, 0o600);
}

/**
 * An empty head on the source's nearest base; where the source has internal snapshots, on a base of the clone's own,
 * for a base never holds any.
 */
async function layOn(request: HeadRequest, chain: readonly string[]): Promise<MadeHead> {
  const { source, target } = request;
  const hasOwnBase = source.disk.snapshots.length > 0;
  let bytesCopied = 0;
  if (hasOwnBase) bytesCopied = await layOnOwnBase(request);
  else await layOnFrozen(request, chain);
  await chmod(target.disk, 0o600);
  const shared = [];
  for (const file of chain) shared.push(await allocatedBytes(target.file(file)));
  return {
    strategy: 'linked',
    bytesCopied,
    bytesShared: shared.reduce((sum, bytes) => sum + bytes, 0),
    layers: chain.length + (hasOwnBase ? 1 : 0),
  };
}

async function layOnOwnBase(request: HeadRequest): Promise<number> {
  const { source, state, target, work } = request;
  const file = `base-${randomBytes(16).toString('hex')}.qcow2`;
  const base = target.file(file);
  const made = await request.copy({
    source: source.dir.disk,
    facts: source.disk,
    tag: state.tag,
    target: base,
    work,
  });
  await chmod(base, 0o444);
  const size = Math.max(state.spec.disk, readQcow2(base).virtualSize);
  await createOverlay({ path: target.disk, backing: { file, format: 'qcow2' }, size });
  return made.bytesCopied;
}

/** A head as empty as the source's own is by then. */
async function layOnFrozen(
  { source, state, target }: HeadRequest,
  [base]: readonly string[],
): Promise<void> {
  if (base === undefined) throw new Error(`"${source.name}" is not frozen`);
  // A record may say less than the disk has: what the guest sees of it must not be cut off.
  const size = Math.max(state.spec.disk, source.disk.virtualSize);
  await createOverlay({ path: target.disk, backing: { file: base, format: 'qcow2' }, size });
}

async function grow(target: InstanceDir, size: number, signal?: AbortSignal): Promise<void> {
  if (readQcow2(target.disk).virtualSize < size) await resize(target.disk, size, { signal });
}
