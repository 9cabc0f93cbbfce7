import { existsSync } from 'node:fs';
import { activeHead } from '../../qemu/active-head.js';
import { Work } from '../../work.js';
import { requireOpen } from '../live/freeze-running.js';
import { withStandstill } from '../live/standstill.js';
import { lockMounts } from '../lock-instance.js';
import { ANY_STATE, lookAt, openInstance, type OpenedInstance } from '../open.js';
import { stillPending } from '../pending/still-pending.js';
import { snapshotTag } from '../records/snapshot-record.js';
import { endLeft } from '../run/end-left.js';
import { noteWork } from '../run/note-work.js';
import { withRunning } from '../run/running-source.js';
import {
  deleteSnapshot,
  recordOf,
  wasLost,
  type DeleteSnapshotRequest,
} from '../snapshots/delete-snapshot.js';

/**
 * Deletes a snapshot of an instance for good, whether that runs or not: its children become those of its parent. Of a
 * running one QEMU deletes it, in milliseconds, and its guest runs on. Killed before QEMU has done it nothing has
 * happened; after it the guard removes its record, or the next command.
 * @throws MultipassError as {@link deleteSnapshot}; QMP_FAILED; INSTANCE_NOT_RUNNING when it ends meanwhile; DISK_FULL
 *   or IO_ERROR for a guest that stands still
 */
export async function deleteLiveSnapshot(request: DeleteSnapshotRequest): Promise<void> {
  const { layout, name, snapshot } = request;
  const work = Work.of(request.work);
  const seen = request.seen ?? lookAt(layout, name, { for: 'delete', states: ANY_STATE });
  if (seen.state !== 'Running') {
    await deleteSnapshot({ ...request, seen });
    return;
  }
  await using opened = await openInstance(layout, name, {
    for: 'delete',
    states: ['Running'],
    seen,
    hold: 'live',
    work,
    early: (reading) => void recordOf(reading, snapshot),
  });
  await deleteOfRunning(opened, snapshot, work);
}

async function deleteOfRunning(
  opened: OpenedInstance,
  snapshot: string,
  work: Work,
): Promise<void> {
  const { layout, name } = opened;
  const { dir } = opened.reading;
  await using _note = await noteWork(layout, name, 'delete');
  await endLeft(dir, work);
  // Its spec may descend from this one.
  const mounts = await lockMounts(dir, work);
  try {
    const record = recordOf(opened.reread(), snapshot);
    const isLost = !(await deleteByQemu(opened, snapshotTag(record.index), work));
    if (isLost) work.warn(wasLost(name, record));
  } catch (error) {
    if (!existsSync(dir.pending)) throw error;
    throw stillPending(error, { name, operation: 'live-delete' });
  } finally {
    await mounts.release();
  }
}

/** @returns whether it was there */
async function deleteByQemu(opened: OpenedInstance, tag: string, work: Work): Promise<boolean> {
  return await withRunning({ opened, work }, async (running) => {
    requireOpen(running);
    const { client } = running;
    const { node, tags } = await activeHead(client);
    const step = { operation: 'live-delete', tag } as const;
    // What is deleted is none of the guest's: it need not stand still.
    return await withStandstill({ ...running, isAgentLeft: true }, step, async () => {
      if (!tags.includes(tag)) return false;
      const what = { device: node, name: tag };
      await client.execute('blockdev-snapshot-delete-internal-sync', what);
      return true;
    });
  });
}
