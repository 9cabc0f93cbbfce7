import { existsSync } from 'node:fs';
import { hasCode } from '../../errors.js';
import { activeHead } from '../../qemu/active-head.js';
import type { Machine } from '../../qemu/machine.js';
import { jobFailed, runJob } from '../../qemu/qmp-jobs.js';
import { Work } from '../../work.js';
import { instanceNotRunning } from '../errors.js';
import { requireOpen, writeOut } from '../live/freeze-running.js';
import { MEMORY_JOB } from '../live/live-names.js';
import { withStandstill, type Moment } from '../live/standstill.js';
import { lockMounts } from '../lock-instance.js';
import { lookAt, openInstance, type OpenedInstance } from '../open.js';
import { stillPending } from '../pending/still-pending.js';
import type { InstanceReading } from '../read-instance.js';
import { readMachine } from '../records/machine-record.js';
import { snapshotTag, type SnapshotRecord } from '../records/snapshot-record.js';
import { endLeft } from '../run/end-left.js';
import { noteWork } from '../run/note-work.js';
import { withRunning } from '../run/running-source.js';
import { newRecord } from '../snapshots/new-record.js';
import type { SnapshotChoices, SnapshotTexts } from '../snapshots/snapshot-choices.js';
import { readSnapshots } from '../read-snapshots.js';
import {
  requireComment,
  requireFreeName,
  requireSnapshotName,
} from '../snapshots/snapshot-texts.js';
import {
  canOnlySnapshotStopped,
  takeSnapshot,
  type TakeSnapshotRequest,
} from '../snapshots/take-snapshot.js';
import { withoutMounts } from './without-mounts.js';

/** Which running instance a snapshot is taken of. */
export interface TakeLiveSnapshotRequest
  extends TakeSnapshotRequest, Pick<SnapshotChoices, 'memory'> {}

/**
 * Takes a snapshot of a running instance, as its disk is at one moment: with its file systems frozen by its agent where
 * that answers. QEMU does it, in milliseconds at any size, while the guest runs on. Killed before QEMU has done it
 * nothing has happened; after it the guard keeps its record, or the next command. A stopped one gets one as ever.
 *
 * With `memory` the guest stands still until that is saved, and its mounts are off until then.
 * @returns the record of the snapshot
 * @throws MultipassError as {@link takeSnapshot}; QMP_FAILED; INSTANCE_NOT_RUNNING when it ends meanwhile, or has no
 *   memory; MOUNT_FAILED when memory is wanted and the guest uses a native mount
 */
export async function takeLiveSnapshot(request: TakeLiveSnapshotRequest): Promise<SnapshotRecord> {
  const { layout, name, texts = {}, memory = false } = request;
  const work = Work.of(request.work);
  const seen = lookAt(layout, name, {
    for: 'snapshot',
    states: ['Stopped', 'Running'],
    refuse: canOnlySnapshotStopped,
  });
  if (seen.state !== 'Running') {
    if (memory) throw instanceNotRunning(name);
    return await takeSnapshot(request);
  }
  if (texts.name !== undefined) requireSnapshotName(texts.name);
  requireComment(texts.comment ?? '');
  await using _mounts = memory ? await withoutMounts(layout, seen, work) : null;
  await using opened = await openInstance(layout, name, {
    for: 'snapshot',
    states: ['Running'],
    seen,
    hold: 'live',
    work,
    early: ({ dir, pending }) => {
      if (texts.name !== undefined) requireFreeName(readSnapshots(dir, pending), texts.name, name);
    },
  });
  work.begin('snapshotting', name);
  return await snapshotRunning(opened, { texts, memory, work });
}

/** What is taken of a running instance, and what it is called. */
interface Wish {
  readonly texts: SnapshotTexts;
  readonly memory: boolean;
  readonly work: Work;
}

async function snapshotRunning(
  opened: OpenedInstance,
  { texts, memory, work }: Wish,
): Promise<SnapshotRecord> {
  const { layout, name } = opened;
  const { dir } = opened.reading;
  await using _note = await noteWork(layout, name, 'snapshot');
  await endLeft(dir, work);
  // Its spec will say that it descends from this one.
  const mounts = await lockMounts(dir, work);
  try {
    const record = {
      ...newRecord(opened.reread(), texts),
      ...(memory ? { machine: machineOf(opened.reading) } : {}),
    };
    const { consistency } = await take(opened, record, work);
    return { ...record, consistency: consistency === 'frozen' ? 'frozen' : 'crash' };
  } catch (error) {
    if (!existsSync(dir.pending)) throw error;
    throw stillPending(error, { name, operation: 'live-snapshot' });
  } finally {
    await mounts.release();
  }
}

async function take(opened: OpenedInstance, record: SnapshotRecord, work: Work): Promise<Moment> {
  const tag = snapshotTag(record.index);
  const disk = { ...record, consistency: 'crash' as const };
  const step = { operation: 'live-snapshot', tag, record: disk } as const;
  const isMemorySaved = record.machine !== undefined;
  return await withRunning({ opened, work }, async (running) => {
    requireOpen(running);
    const { client } = running;
    const { node } = await activeHead(client);
    const request = { ...running, isAgentLeft: isMemorySaved };
    return await withStandstill(request, step, async (standing) => {
      await writeOut(opened.reading.dir.disk);
      return await standing.atOneMoment('running', async () => {
        if (isMemorySaved) {
          const what = { tag, vmstate: node, devices: [node] };
          await runJob(client, 'snapshot-save', what, MEMORY_JOB);
        } else {
          const what = { device: node, name: tag };
          await client.execute('blockdev-snapshot-internal-sync', what).catch(wantsSpace);
        }
      });
    });
  });
}

/** What its memory belongs to. */
function machineOf({ dir, name }: InstanceReading): Machine {
  const record = readMachine(dir);
  if (record === undefined) throw instanceNotRunning(name);
  return record.machine;
}

/** QEMU's own words of a full disk are all that tells it from another refusal. */
function wantsSpace(error: unknown): never {
  const said = hasCode(error, 'QMP_FAILED') ? error.details['description'] : undefined;
  if (typeof said === 'string' && said.includes('No space left')) {
    throw jobFailed('blockdev-snapshot-internal-sync', said);
  }
  throw error;
}
