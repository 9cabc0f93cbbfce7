import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, MultipassError, RecordError } from '../errors.js';
import { readRecord, readRecordIfAny } from '../files/record.js';
import type { InstanceDir } from '../store/instance-dir.js';
import { isFolder } from './read-instance.js';
import { decodePending, type PendingOperation } from './records/pending-record.js';
import {
  decodeSnapshotRecord,
  snapshotFileName,
  type SnapshotRecord,
} from './records/snapshot-record.js';

const SNAPSHOT_FILE = /^[0-9]{4,5}\.json$/;

/**
 * The snapshots of an instance in the order of their indexes; with an operation pending, as they will be.
 * @throws RecordError naming the first file that cannot be read
 */
export function readSnapshots(
  dir: InstanceDir,
  pending: PendingOperation | undefined,
): SnapshotRecord[] {
  const records = new Map<string, SnapshotRecord | null>();
  for (const file of snapshotFiles(dir)) {
    if (pending?.snapshots.has(file) !== true) records.set(file, readOne(dir, file));
  }
  for (const [file, record] of pending?.snapshots ?? []) records.set(file, record);
  return [...records.values()]
    .filter((record) => record !== null)
    .sort((a, b) => a.index - b.index);
}

/** How many snapshots an instance has, without reading them. @throws RecordError for a bad `pending.json` */
export function countSnapshots(dir: InstanceDir): number {
  const place = readRecordIfAny(dir.pending);
  const pending = place === undefined ? undefined : decodePending(place);
  const files = new Set(snapshotFiles(dir));
  for (const [file, record] of pending?.snapshots ?? []) {
    if (record === null) files.delete(file);
    else files.add(file);
  }
  return files.size;
}

function snapshotFiles(dir: InstanceDir): string[] {
  if (!isFolder(dir.snapshots)) return [];
  try {
    return readdirSync(dir.snapshots).filter((file) => SNAPSHOT_FILE.test(file));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw new MultipassError('INSTANCE_BROKEN', `"${dir.snapshots}" cannot be listed`, {
      hint: 'Put it back from a copy: it should be a folder.',
      details: { path: dir.snapshots },
      cause: error,
    });
  }
}

function readOne(dir: InstanceDir, file: string): SnapshotRecord {
  const path = join(dir.snapshots, file);
  const record = decodeSnapshotRecord(readRecord(path));
  if (snapshotFileName(record.index) === file) return record;
  throw new RecordError(
    { path, at: '/index' },
    `expected the index that the file is named by, found ${record.index}`,
  );
}
