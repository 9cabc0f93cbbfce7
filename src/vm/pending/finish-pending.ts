import { makeFolder } from '../../files/make-folder.js';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { log } from '../../log.js';
import { readQcow2, hasSnapshotNamed } from '../../qemu/qcow2-header.js';
import {
  checkAndRepairLeaks,
  rebase,
  resize,
  snapshotApply,
  snapshotCreate,
  snapshotDelete,
} from '../../qemu/qemu-img.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import { syncPath } from '../../files/sync.js';
import { replaceRecord } from '../../files/record.js';
import { keepRecords } from '../live/keep-records.js';
import { clearAfterRunning } from '../live/settle-running.js';
import {
  isRunningStep,
  type DiskStep,
  type PendingOperation,
  type RunningStep,
} from '../records/pending-record.js';

/**
 * Finishes an operation that was killed: its qemu-img step again, a repair of what the killed one leaked, the records,
 * the seed, and then the end of `pending.json`. Every part may be repeated, so it may itself be killed anywhere. The
 * caller holds the instance's exclusive lock.
 * @throws MultipassError TOOL_FAILED, DISK_FULL, …; the operation stays pending then
 */
export async function finishPending(
  dir: InstanceDir,
  pending: PendingOperation,
  signal?: AbortSignal,
): Promise<void> {
  log('info', 'pending', `finishing "${pending.step.operation}" of "${dir.name}"`);
  if (isRunningStep(pending.step)) {
    await clearAfterRunning(dir);
    if (changesTags(pending.step)) {
      await checkAndRepairLeaks(dir.disk, { signal });
      await keepRecords(dir);
    }
  } else if (pending.step.operation !== 'rewrite') {
    await repeatStep(dir.disk, pending.step, signal);
    await checkAndRepairLeaks(dir.disk, { signal });
    await syncPath(dir.disk);
  }
  if (pending.snapshots.size > 0) {
    await makeFolder(dir.snapshots);
  }
  for (const [file, record] of pending.snapshots) {
    const path = join(dir.snapshots, file);
    if (record === null) await rm(path, { force: true });
    else await replaceRecord(path, record);
  }
  if (pending.snapshots.size > 0) await syncPath(dir.snapshots);
  if (pending.seed !== undefined) {
    // Reading seeds takes a parser that few operations need.
    const { replaceSeedFiles } = await import('./seed-change.js');
    await replaceSeedFiles(dir, pending.seed);
  }
  if (getsOtherHostKeys(pending)) await rm(dir.knownHosts, { force: true });
  if (pending.spec !== null) await replaceRecord(dir.spec, pending.spec);
  await rm(dir.pending, { force: true });
  await syncPath(dir.path);
}

/** QEMU may have been killed in the middle of it. */
function changesTags({ operation }: RunningStep): boolean {
  return operation === 'live-snapshot' || operation === 'live-delete';
}

/** A disk of another time has the keys of that time, and under another instance-id cloud-init makes new ones. */
function getsOtherHostKeys({ step, seed }: PendingOperation): boolean {
  return step.operation === 'restore' || seed !== undefined;
}

/** qemu-img gladly makes a second snapshot of one tag, and fails on a tag that is gone: both mean "done already". */
async function repeatStep(
  disk: string,
  step: Exclude<DiskStep, RunningStep | { operation: 'rewrite' }>,
  signal?: AbortSignal,
): Promise<void> {
  const exists = 'tag' in step && hasSnapshotNamed(readQcow2(disk), step.tag);
  switch (step.operation) {
    case 'snapshot':
      if (!exists) await snapshotCreate(disk, step.tag, { signal });
      return;
    case 'restore':
      await snapshotApply(disk, step.tag, { signal });
      return;
    case 'delete-snapshot':
      if (exists) await snapshotDelete(disk, step.tag, { signal });
      return;
    case 'resize':
      await resize(disk, step.size, { signal });
      return;
    case 'rebase':
      await rebase(disk, step.backing === null ? null : { file: step.backing, format: 'qcow2' }, {
        signal,
      });
      return;
  }
}
