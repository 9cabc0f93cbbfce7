import { MultipassError } from '../../errors.js';
import type { StoreLayout } from '../../store/layout.js';
import { requireChangeableDisk } from '../pending/changeable-disk.js';
import { snapshotFileName, snapshotTag, type SnapshotRecord } from '../records/snapshot-record.js';
import { readSnapshots } from '../read-snapshots.js';
import { openInstance, type OpenedInstance } from '../open.js';
import { Work, type WorkRequest } from '../../work.js';
import { hintToStop } from '../errors.js';
import { newRecord } from './new-record.js';
import type { SnapshotTexts } from './snapshot-choices.js';
import { requireComment, requireFreeName, requireSnapshotName } from './snapshot-texts.js';

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
  texts: SnapshotTexts,
  work: Work,
): Promise<SnapshotRecord> {
  await requireChangeableDisk(opened.reading, work.signal);
  const record = newRecord(opened.reading, texts);
  const { index } = record;
  await opened.perform(
    {
      step: { operation: 'snapshot', tag: snapshotTag(index) },
      spec: { ...opened.reading.spec, snapshotHead: index },
      snapshots: new Map([[snapshotFileName(index), record]]),
    },
    work,
  );
  return record;
}

/** With Multipass's text. */
export function canOnlySnapshotStopped(name: string, state: string): MultipassError {
  return new MultipassError(
    'INSTANCE_NOT_STOPPED',
    'Multipass can only take snapshots of stopped instances.',
    {
      hint:
        state === 'Suspended'
          ? hintToStop(name, state)
          : `"${name}" is ${state.toLowerCase()}: stop it first, or take one of its disk as it is at one moment ` +
            '(`multipass snapshot --live`).',
      details: { name, state },
    },
  );
}
