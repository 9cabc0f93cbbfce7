import { createOverlay } from '../../qemu/create-overlay.js';
import { rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { readQcow2, type Qcow2Facts } from '../../qemu/qcow2-header.js';
import { commit, measure, rebase, resize, snapshotCreate } from '../../qemu/qemu-img.js';
import type { Work } from '../../work.js';
import { convertState } from './convert-state.js';
import { allocatedBytes, type CopyWork } from './copy-file.js';

/** A head with all its states, and where they go. */
export interface CopyStatesRequest {
  readonly source: string;
  readonly facts: Qcow2Facts;
  /** The disk to be made, in a folder of its own that has the bases of the source. */
  readonly target: string;
  /** Its phase is told how much is copied. */
  readonly work: Work;
}

/**
 * Copies every state of a head, its internal snapshots by their tags and the active one, into a disk that stands on
 * nothing. The oldest is written whole, and of each further one only what differs from the one before: a disk with many
 * snapshots does not grow by their number.
 * @throws MultipassError DISK_FULL, ABORTED, TOOL_FAILED, …; the caller removes the folder then
 */
export async function copyAllStates(request: CopyStatesRequest): Promise<void> {
  const { source, facts, target, work } = request;
  const first = { source, facts, target, base: null };
  const tags = [...facts.snapshots.map(({ name }) => name), undefined];
  for (const [done, tag] of tags.entries()) {
    const part = work.part(done, tags.length);
    if (done > 0) await addDifference({ ...request, work: part }, tag);
    else await convertState({ ...first, tag, work: part });
    if (tag !== undefined) await snapshotCreate(target, tag, work);
  }
}

/**
 * How many bytes at most {@link copyAllStates} takes for a while, if the states have changed to and fro no more than
 * usual.
 */
export async function spaceForAllStates(
  source: string,
  facts: Qcow2Facts,
  { signal }: CopyWork = {},
): Promise<number> {
  const { required } = await measure(source, { flatten: true, signal });
  // What the snapshots hold besides, a copy of a state, and what that differs in.
  return required + (facts.snapshots.length === 0 ? 0 : 3 * (await allocatedBytes(source)));
}

/** Makes the target show one more state. */
async function addDifference(
  { source, facts, target, work }: CopyStatesRequest,
  tag: string | undefined,
): Promise<void> {
  const folder = dirname(target);
  const [state, difference] = ['state.qcow2', 'difference.qcow2'];
  const format = 'qcow2';
  const copy = { source, facts, target: join(folder, state), base: facts.backingFile, tag };
  await convertState({ ...copy, work });
  const path = join(folder, difference);
  await createOverlay({ path, backing: { file: state, format } });
  // An empty layer that is to show the same on another ground needs just what differs.
  await rebase(path, { file: basename(target), format }, work);
  await commit(path, work);
  const { virtualSize } = readQcow2(path);
  if (readQcow2(target).virtualSize > virtualSize) {
    await resize(target, virtualSize, { shrink: true, signal: work.signal });
  }
  for (const file of [state, difference]) await rm(join(folder, file));
}
