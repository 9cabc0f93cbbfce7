import { MultipassError } from '../../errors.js';
import type { StoreLayout } from '../../store/layout.js';
import { requireChangeableDisk } from '../pending/changeable-disk.js';
import { instanceIdOf } from '../pending/seed-change.js';
import { snapshotFileName, snapshotTag, type SnapshotRecord } from '../records/snapshot-record.js';
import { readSnapshots } from './snapshot-list.js';
import { openInstance, type OpenedInstance } from '../open.js';
import { Work, type WorkRequest } from '../../work.js';
import { hintToStop } from '../errors.js';
import { firstFreeSnapshotName, nextIndex } from './snapshot-numbers.js';
import { requireComment, requireFreeName, requireSnapshotName } from './snapshot-texts.js';

/** What a snapshot is called. */
export interface SnapshotTexts {
  /** Without one: the first free `snapshotN`. */
  readonly name?: string | undefined;
  /** Without one: none. */
  readonly comment?: string | undefined;
}

/** Which instance a snapshot is taken of. */
export interface TakeSnapshotRequest extends WorkRequest {
  readonly layout: StoreLayout;
  /** Name of the instance. */
  readonly name: string;
  /** What the snapshot is called. */
  readonly texts?: SnapshotTexts | undefined;
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
  const { layout, name, texts = {} } = request;
  const work = Work.of(request.work);
  if (texts.name !== undefined) requireSnapshotName(texts.name);
  requireComment(texts.comment ?? '');
  await using opened = await openInstance(layout, name, {
    for: 'snapshot',
    states: ['Stopped'],
    refuse: canOnlySnapshotStopped,
    work,
    early: ({ dir, pending }) => {
      if (texts.name !== undefined) requireFreeName(readSnapshots(dir, pending), texts.name, name);
    },
  });
  work.begin('snapshotting', name);
  return await snapshotOpened(opened, texts, work);
}

/** The second half of {@link takeSnapshot}: the stopped instance is held open. */
export async function snapshotOpened(
  opened: OpenedInstance,
  { name, comment = '' }: SnapshotTexts,
  work: Work,
): Promise<SnapshotRecord> {
  const { dir, spec, disk } = opened.reading;
  const records = readSnapshots(dir, undefined);
  if (name !== undefined) requireFreeName(records, name, dir.name);
  await requireChangeableDisk(opened.reading, work.signal);
  const index = nextIndex(records, disk);
  const { cpus, memory, interfaces, mounts } = spec;
  const record: SnapshotRecord = {
    index,
    name: name ?? firstFreeSnapshotName(records),
    comment,
    parent: spec.snapshotHead,
    created: new Date().toISOString(),
    cpus,
    memory,
    disk: disk.virtualSize,
    interfaces,
    mounts,
    instanceId: instanceIdOf(dir),
  };
  await opened.perform(
    {
      step: { operation: 'snapshot', tag: snapshotTag(index) },
      spec: { ...spec, snapshotHead: index },
      snapshots: new Map([[snapshotFileName(index), record]]),
    },
    work,
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
