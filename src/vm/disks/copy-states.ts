import { rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { readQcow2, type Qcow2Facts } from '../../qemu/qcow2-header.js';
import {
  commit,
  createOverlay,
  measure,
  rebase,
  resize,
  snapshotCreate,
} from '../../qemu/qemu-img.js';
import { convertState } from './convert-state.js';
import { allocatedBytes, type CopyFileOptions } from './copy-file.js';

/** A head with all its states, and where they go. */
export interface CopyStatesRequest extends CopyFileOptions {
  readonly source: string;
  readonly facts: Qcow2Facts;
  /** The disk to be made, in a folder of its own that has the bases of the source. */
  readonly target: string;
}

/**
 * Copies every state of a head, its internal snapshots by their tags and the active one, into a disk that stands on
 * nothing. The oldest is written whole, and of each further one only what differs from the one before: a disk with many
 * snapshots does not grow by their number.
 * @throws MultipassError DISK_FULL, ABORTED, TOOL_FAILED, …; the caller removes the folder then
 */
export async function copyAllStates(request: CopyStatesRequest): Promise<void> {
  const { source, facts, target, signal, onProgress } = request;
  const first = { source, facts, target, base: null, signal };
  const tags = [...facts.snapshots.map(({ name }) => name), undefined];
  for (const [done, tag] of tags.entries()) {
    const tell = (fraction: number): void => onProgress?.((done + fraction) / tags.length);
    if (done > 0) await addDifference(request, tag, tell);
    else await convertState({ ...first, tag, onProgress: tell });
    if (tag !== undefined) await snapshotCreate(target, tag, { signal });
  }
}

/**
 * How many bytes at most {@link copyAllStates} takes for a while, if the states have changed to and fro no more than
 * usual.
 */
export async function spaceForAllStates(
  source: string,
  facts: Qcow2Facts,
  options: Pick<CopyFileOptions, 'signal'> = {},
): Promise<number> {
  const { required } = await measure(source, { flatten: true, ...options });
  // What the snapshots hold besides, a copy of a state, and what that differs in.
  return required + (facts.snapshots.length === 0 ? 0 : 3 * (await allocatedBytes(source)));
}

/** Makes the target show one more state. */
async function addDifference(
  { source, facts, target, signal }: CopyStatesRequest,
  tag: string | undefined,
  onProgress: (fraction: number) => void,
): Promise<void> {
  const folder = dirname(target);
  const [state, difference] = ['state.qcow2', 'difference.qcow2'];
  const format = 'qcow2';
  const copy = { source, facts, target: join(folder, state), base: facts.backingFile, tag };
  await convertState({ ...copy, signal, onProgress });
  const path = join(folder, difference);
  await createOverlay({ path, backing: { file: state, format }, signal });
  // An empty layer that is to show the same on another ground needs just what differs.
  await rebase(path, { file: basename(target), format }, { signal });
  await commit(path, { signal });
  const { virtualSize } = readQcow2(path);
  if (readQcow2(target).virtualSize > virtualSize) {
    await resize(target, virtualSize, { shrink: true, signal });
  }
  for (const file of [state, difference]) await rm(join(folder, file));
}
