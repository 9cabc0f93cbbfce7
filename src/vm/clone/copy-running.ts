import { link, rm } from 'node:fs/promises';
import { sleep } from '../../abort.js';
import { hasCode, MultipassError } from '../../errors.js';
import { activeHead } from '../../qemu/active-head.js';
import { createOverlay } from '../../qemu/create-overlay.js';
import { createEmpty } from '../../qemu/qemu-img.js';
import { QemuHungUp, type QmpClient } from '../../qemu/qmp-client.js';
import { jobFailed } from '../../qemu/qmp-jobs.js';
import { runStateOf } from '../../qemu/run-state.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import {
  sharesExtents,
  type CopiedDisk,
  type CopyDiskRequest,
  type CopyPlan,
} from '../disks/copy-disk.js';
import { allocatedBytes, reflink } from '../disks/copy-file.js';
import { hasFewExtents } from '../disks/extents.js';
import { hasSpace, requireSpace } from '../disks/free-space.js';
import { startGuard } from '../live/guard.js';
import { closeNode, endJob, jobOf } from '../live/live-jobs.js';
import { liveLink, liveNode, newLiveId } from '../live/live-names.js';
import { withStandstill, type Moment, type StandstillRequest } from '../live/standstill.js';
import type { OpenedInstance } from '../open.js';
import { endLiveProgram } from '../run/end-live.js';
import { openMonitor } from '../run/monitor.js';
import { withRunning } from '../run/running-source.js';
import { writeOut } from '../live/freeze-running.js';

/** What is copied of a running instance. */
export interface CopyRunningRequest extends CopyDiskRequest {
  /** Says what else is done at the moment that is copied. */
  readonly prepare: (running: StandstillRequest) => StandstillRequest;
}

/** How often QEMU is asked how far it is; in between others may talk to it. */
const POLL_MS = 100;

/**
 * Copies the head of a running instance as it is at one moment, without internal snapshots. Where the file system
 * shares extents, and there are few of them, the guest stands still until they are shared; elsewhere QEMU copies what
 * was there at the beginning while the guest runs on (`live`). A backing file stays the backing file, by the same plain
 * name. The caller holds the live lock, and removes the target when this fails.
 * @throws MultipassError DISK_FULL before the work, or when QEMU comes to the end of the space; INSTANCE_CHANGED when
 *   the instance ends meanwhile; QMP_FAILED, ABORTED, …
 */
export async function copyRunning(
  opened: OpenedInstance,
  request: CopyRunningRequest,
): Promise<CopiedDisk & { readonly moment: Moment }> {
  const { source, target } = request;
  if (await canShare(request)) {
    const moment = await share(opened, request);
    const bytesShared = await allocatedBytes(target);
    return { strategy: 'reflink', bytesCopied: 0, bytesShared, moment };
  }
  await requireSpace(target, await allocatedBytes(source));
  const moment = await backUp(opened, request);
  return { strategy: 'live', bytesCopied: await allocatedBytes(target), bytesShared: 0, moment };
}

/** What {@link copyRunning} would do; it leaves nothing behind. */
export async function planRunning(request: CopyDiskRequest): Promise<CopyPlan> {
  const bytes = await allocatedBytes(request.source);
  if (await canShare(request)) {
    return { strategy: 'reflink', bytesCopied: 0, bytesShared: bytes, fits: true };
  }
  const fits = await hasSpace(request.target, bytes);
  return { strategy: 'live', bytesCopied: bytes, bytesShared: 0, fits };
}

async function canShare({ source, facts, target, work }: CopyDiskRequest): Promise<boolean> {
  if (facts.snapshots.length > 0 || !(await sharesExtents(source, target))) return false;
  return await hasFewExtents(source, work.signal);
}

async function share(opened: OpenedInstance, request: CopyRunningRequest): Promise<Moment> {
  const { source, target, work } = request;
  return await withRunning({ opened, work }, async (running) => {
    return await withStandstill(
      request.prepare(running),
      { operation: 'still' },
      async (standing) => {
        // What the guest has written the host writes now, while the guest still runs.
        await writeOut(source);
        return await standing.atOneMoment('stopped', async () => {
          if (!(await reflink(source, target))) throw new Error(`"${source}" shares no extents`);
        });
      },
    );
  });
}

async function backUp(opened: OpenedInstance, request: CopyRunningRequest): Promise<Moment> {
  const { facts, target, work } = request;
  const { dir } = opened.reading;
  const { backingFile: file, virtualSize: size } = facts;
  if (file === null) await createEmpty(target, size, work);
  else await createOverlay({ path: target, backing: { file, format: 'qcow2' }, size });
  const node = liveNode(newLiveId());
  // It lasts longer than the moment: for as long as QEMU copies.
  const guard = await startGuard({
    layout: opened.layout,
    name: dir.name,
    program: endLiveProgram(),
  });
  let isDone = false;
  try {
    const moment = await withRunning({ opened, work }, async (running) => {
      const { client } = running;
      const { node: head } = await activeHead(client);
      return await withStandstill(
        request.prepare(running),
        { operation: 'still' },
        async (standing) => {
          await link(target, dir.file(liveLink(node)));
          await client.execute('blockdev-add', {
            driver: 'qcow2',
            'node-name': node,
            discard: 'unmap',
            // Nothing of what it stands on is read.
            backing: null,
            file: { driver: 'file', filename: liveLink(node), discard: 'unmap' },
          });
          return await standing.atOneMoment('running', async () => {
            await client.execute('blockdev-backup', {
              'job-id': node,
              device: head,
              target: node,
              sync: 'top',
              'auto-dismiss': false,
            });
          });
        },
      );
    });
    await finish(dir, node, request);
    isDone = true;
    return moment;
  } finally {
    if (!isDone) await giveUp(dir, node, target);
    guard.dismiss();
  }
}

/** Waits for the end of the job; between two looks others may talk to QEMU. */
async function finish(dir: InstanceDir, job: string, { work }: CopyDiskRequest): Promise<void> {
  for (;;) {
    await sleep(POLL_MS, work.signal);
    await using client = await openMonitor(dir, work.signal).catch(hasEnded(dir));
    const state = await jobOf(client, job).catch(hasEnded(dir));
    if (state === undefined) throw ended(dir);
    const { status, error } = state;
    if (status === 'concluded') {
      if (typeof error === 'string') throw jobFailed('blockdev-backup', error);
      await endJob(client, job);
      await closeNode(client, job);
      return;
    }
    const [done, total] = [state['current-progress'], state['total-progress']].map(Number);
    if (done !== undefined && total !== undefined && total > 0) {
      work.advance(Math.min(1, done / total));
    }
  }
}

/** Ends what QEMU is at, whatever has happened; that of a QEMU that is gone has ended. */
async function giveUp(dir: InstanceDir, job: string, target: string): Promise<void> {
  try {
    await using client = await openMonitor(dir);
    await endJob(client, job);
    await closeNode(client, job);
    await goOnAfterFullDisk(client);
  } catch (error) {
    if (!(error instanceof MultipassError)) throw error;
  }
  await rm(target, { force: true });
}

/** A guest whose write had to wait for the copy, which had no space, stands still for that alone. */
async function goOnAfterFullDisk(client: QmpClient): Promise<void> {
  if ((await runStateOf(client)) === 'io-error') await client.execute('cont');
}

function hasEnded(dir: InstanceDir): (error: unknown) => never {
  return (error) => {
    const isGone = hasCode(error, 'INSTANCE_NOT_RUNNING') || error instanceof QemuHungUp;
    throw isGone ? ended(dir, error) : error;
  };
}

function ended({ name }: InstanceDir, cause?: unknown): MultipassError {
  return new MultipassError('INSTANCE_CHANGED', `"${name}" ended while its disk was being copied`, {
    hint: 'Nothing was kept. Clone it again, now that it is stopped.',
    details: { name },
    cause,
  });
}
