import { activeHead } from '../../qemu/active-head.js';
import type { QmpClient } from '../../qemu/qmp-client.js';
import { runJob } from '../../qemu/qmp-jobs.js';
import { runStateOf } from '../../qemu/run-state.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import { requireGuest } from '../guest/open-guest.js';
import type { InstanceRequest } from '../instance-request.js';
import { lockLive } from '../lock-instance.js';
import { activateMounts, deactivateMounts } from '../mounts/activate-mounts.js';
import { Work } from '../../work.js';
import { ANY_STATE, lookAt } from '../open.js';
import { SUSPEND_TAG } from '../read-instance.js';
import { prepareStore } from '../sweep.js';
import { noteWork } from './note-work.js';
import { tidyAfterRun, waitForEnd } from './end-of-run.js';
import { INTERRUPTED, letRun, listenForFarewell, openMonitor } from './monitor.js';

/**
 * Saves the memory of a running instance in its disk, under Multipass's tag `suspend`, and ends its QEMU; the next
 * start goes on from there. Its mounts are taken off before, and mounted again by that start. One that does not run is
 * left as it is, as in Multipass.
 *
 * The guest stands still from before its memory is saved until QEMU has ended, so the disk never gets ahead of the
 * saved memory. Killed in between, the instance stands still; `start` lets it run on, and drops what was saved.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, MOUNT_FAILED when the guest uses a native mount,
 *   DISK_FULL, QMP_FAILED, ABORTED
 */
export async function suspendInstance(request: InstanceRequest): Promise<void> {
  const { layout, name } = request;
  const work = Work.of(request.work);
  const { signal } = work;
  const reading = lookAt(layout, name, { for: 'suspend', states: ANY_STATE, disk: 'any' });
  const { state, dir, spec } = reading;
  if (state !== 'Running') return;
  await prepareStore(layout, { exists: true });
  work.begin('suspending', name);
  await using note = await noteWork(layout, name, 'suspend');
  const guest = spec.mounts.length === 0 ? null : await requireGuest(layout, reading);
  if (guest !== null) {
    await wake(dir, signal);
    await deactivateMounts({ guest, reading, work });
  }
  let isClean: boolean;
  try {
    isClean = await aloneWithDisk(dir, work);
  } catch (error) {
    if (guest !== null)
      await activateMounts({ guest, reading, work: Work.of() }).catch(() => undefined);
    throw error;
  }
  await waitForEnd(dir);
  await tidyAfterRun(layout, name, isClean);
}

/** A guest that an interrupted suspend has left standing still answers nobody. */
async function wake(dir: InstanceDir, signal: AbortSignal | undefined): Promise<void> {
  await using client = await openMonitor(dir, signal);
  if (INTERRUPTED.has(await runStateOf(client))) await letRun(dir, client);
}

/** A live clone of it comes to its end first: it is what was asked for before. */
async function aloneWithDisk(dir: InstanceDir, work: Work): Promise<boolean> {
  const lock = await lockLive(dir, work);
  try {
    return await saveAndEnd(dir, work.signal);
  } finally {
    await lock.release();
  }
}

/** @returns whether QEMU has said farewell */
async function saveAndEnd(dir: InstanceDir, signal: AbortSignal | undefined): Promise<boolean> {
  await using client = await openMonitor(dir, signal);
  const hasSaidFarewell = listenForFarewell(client);
  await saveMemory(dir, client);
  await client.execute('quit').catch(() => undefined);
  await client.closed;
  return hasSaidFarewell();
}

async function saveMemory(dir: InstanceDir, client: QmpClient): Promise<void> {
  // What an interrupted suspend has saved is in the way.
  if (INTERRUPTED.has(await runStateOf(client))) await letRun(dir, client);
  await client.execute('stop');
  try {
    const { node } = await activeHead(client);
    await runJob(client, 'snapshot-save', { tag: SUSPEND_TAG, vmstate: node, devices: [node] });
  } catch (error) {
    await letRun(dir, client).catch(() => undefined);
    throw error;
  }
}
