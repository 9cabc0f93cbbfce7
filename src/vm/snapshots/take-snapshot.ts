import { MultipassError } from '../../errors.js';
import type { StoreLayout } from '../../store/layout.js';
import { requireChangeableDisk } from '../pending/changeable-disk.js';
import { performOperation } from '../pending/perform.js';
import { instanceIdOf } from '../pending/seed-change.js';
import { snapshotFileName, snapshotTag, type SnapshotRecord } from '../records/snapshot-record.js';
import { readSnapshots } from './snapshot-list.js';
import type { OpenedInstance, WorkOptions } from '../open.js';
import { hintToStop, openStopped, requireStopped, type StoppedRequest } from './open-stopped.js';
import { firstFreeSnapshotName, nextIndex } from './snapshot-numbers.js';
import { requireComment, requireFreeName, requireSnapshotName } from './snapshot-texts.js';

/** What a snapshot is called. */
export interface SnapshotTexts {
  /** Without one: the first free `snapshotN`. */
  readonly name?: string | undefined;
  readonly comment?: string | undefined;
}

/** Which instance a snapshot is taken of. */
export interface TakeSnapshotRequest extends WorkOptions, SnapshotTexts {
  readonly layout: StoreLayout;
  readonly instance: string;
}

/**
 * Takes a snapshot of a stopped instance: of its disk, inside that very file, and of its cpus, memory, interfaces and
 * mounts. Once this resolves it survives a power cut. Killed before its commit point nothing has happened; after it the
 * snapshot is there, and the next command finishes what is left to do.
 * @returns the record of the snapshot
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, INSTANCE_NOT_STOPPED, INVALID_NAME, SNAPSHOT_EXISTS,
 *   DISK_INVALID, DISK_IN_USE, DISK_FULL, ABORTED, …; RecordError when the instance is Broken
 */
export async function takeSnapshot(request: TakeSnapshotRequest): Promise<SnapshotRecord> {
  const { name, comment = '', signal } = request;
  if (name !== undefined) requireSnapshotName(name);
  requireComment(comment);
  const stopped: StoppedRequest = {
    ...request,
    doing: 'snapshot',
    refusal: canOnlySnapshotStopped,
  };
  const { dir, pending } = requireStopped(stopped);
  if (name !== undefined) requireFreeName(readSnapshots(dir, pending), name, request.instance);
  const opened = await openStopped(stopped);
  await using lock = opened.lock;
  lock.assertHeld();
  return await snapshotOpened(opened, { name, comment }, signal);
}

/** The second half of {@link takeSnapshot}: the caller holds the lock of the stopped instance. */
export async function snapshotOpened(
  { reading, lock }: OpenedInstance,
  { name, comment = '' }: SnapshotTexts,
  signal?: AbortSignal,
): Promise<SnapshotRecord> {
  const { dir, spec, disk } = reading;
  const records = readSnapshots(dir, undefined);
  if (name !== undefined) requireFreeName(records, name, dir.name);
  await requireChangeableDisk(reading, signal);
  const index = nextIndex(records, disk);
  const { cpus, memory, interfaces, mounts } = spec;
  const record: SnapshotRecord = {
    index,
    name: name ?? firstFreeSnapshotName(records),
    comment,
    parent: spec.snapshotHead,
    created: new Date().toISOString(),
    ...{ cpus, memory, disk: disk.virtualSize, interfaces, mounts },
    instanceId: instanceIdOf(dir),
  };
  lock.assertHeld();
  await performOperation(
    dir,
    {
      step: { operation: 'snapshot', tag: snapshotTag(index) },
      spec: { ...spec, snapshotHead: index },
      snapshots: new Map([[snapshotFileName(index), record]]),
    },
    signal,
  );
  return record;
}

/** With Multipass's text. */
function canOnlySnapshotStopped(name: string, state: string): MultipassError {
  return new MultipassError(
    'INSTANCE_NOT_STOPPED',
    'Multipass can only take snapshots of stopped instances.',
    { hint: hintToStop(name, state), details: { name, state } },
  );
}
