import { rm } from 'node:fs/promises';
import type { Qcow2Facts } from '../../qemu/qcow2-header.js';
import { convertActive, snapshotApply } from '../../qemu/qemu-img.js';
import type { Work } from '../../work.js';
import { copyWhole } from './copy-file.js';

/** One state of a head, and the disk it becomes. */
export interface ConvertStateRequest {
  readonly source: string;
  readonly facts: Qcow2Facts;
  /** Made in a folder that has the bases of the source. */
  readonly target: string;
  /** Name of the base that the target stands on, as the source does; null: it is whole by itself. */
  readonly base: string | null;
  /** Tag of the internal snapshot; undefined: the active state. */
  readonly tag: string | undefined;
  /** As of {@link convertActive}. */
  readonly compressed?: boolean | undefined;
  /** Its phase is told how much is converted. */
  readonly work: Work;
}

/**
 * Writes one state of a head as a disk without internal snapshots, in the size it has; the source is only read.
 * @throws MultipassError SNAPSHOT_NOT_FOUND, DISK_FULL, ABORTED, TOOL_FAILED, …; the caller removes what there is then
 */
export async function convertState(request: ConvertStateRequest): Promise<void> {
  const { source, target, base, tag, compressed, work } = request;
  const { signal } = work;
  const backing = base === null ? undefined : { file: base, format: 'qcow2' };
  const onProgress = (fraction: number): void => work.advance(fraction);
  const options = { target, backing, compressed, signal, onProgress };
  if (tag === undefined || !isLarger(request.facts, tag)) {
    await convertActive({ ...options, source, snapshot: tag });
    return;
  }
  // qemu-img reads a snapshot no further than the present disk goes: a copy is brought back to it.
  const copy = `${target}.restored`;
  await copyWhole(source, copy, { signal });
  await snapshotApply(copy, tag, { signal });
  await convertActive({ ...options, source: copy });
  await rm(copy);
}

/** Whether the disk was larger than it is now: then a copy of the whole head is needed for a while. */
export function isLarger({ snapshots, virtualSize }: Qcow2Facts, tag: string): boolean {
  const state = snapshots.find(({ name }) => name === tag);
  return state !== undefined && (state.diskSize ?? 0) > virtualSize;
}
