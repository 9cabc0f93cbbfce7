import type { JsonPlace } from '../../files/decoder.js';
import { BASE_FILE, INSTANCE_FILES } from '../../store/instance-dir.js';
import { decodeSnapshotRecord, type SnapshotRecord } from './snapshot-record.js';
import { decodeSpec, type InstanceSpec } from './spec.js';

/** What an operation in place does to an instance; `rewrite` is about its records alone. */
export type DiskOperation =
  | 'rewrite'
  | 'snapshot'
  | 'restore'
  | 'delete-snapshot'
  | 'resize'
  | 'rebase'
  | 'freeze'
  | 'still'
  | 'live-snapshot'
  | 'live-delete';

/** What a guest that was made to stand still for a moment is to get back, should that not be done by who did it. */
interface Standstill {
  /** It ran, and is to run on. */
  readonly resume: boolean;
  /** Its agent was asked to freeze its file systems, and is to be asked to thaw them. */
  readonly thaw: boolean;
}

/**
 * One step that is done to the head of a running instance, by its QEMU. When it ends in the middle there is nothing to
 * be done to the disk again: what it shows its guest is the same before and after.
 * - `freeze`: the head becomes the base `id`, and an empty one takes its place
 * - `still`: the disk is copied as it is
 * - `live-snapshot`: the disk gets the internal snapshot `tag`; once it has that, `record` is due
 * - `live-delete`: the disk loses the internal snapshot `tag`; once it has, so is the end of its record
 */
export type RunningStep =
  | ({ readonly operation: 'freeze'; readonly id: string } & Standstill)
  | ({ readonly operation: 'still' } & Standstill)
  | ({
      readonly operation: 'live-snapshot';
      readonly tag: string;
      readonly record: SnapshotRecord;
    } & Standstill)
  | ({ readonly operation: 'live-delete'; readonly tag: string } & Standstill);

/**
 * One step that changes a head in place: by qemu-img, or of a running instance by its QEMU. `rewrite` leaves the disk
 * alone and is about the files beside it.
 */
export type DiskStep =
  | RunningStep
  | { readonly operation: 'rewrite' }
  | { readonly operation: 'snapshot'; readonly tag: string }
  | { readonly operation: 'restore'; readonly tag: string }
  | { readonly operation: 'delete-snapshot'; readonly tag: string }
  | { readonly operation: 'resize'; readonly size: number }
  | { readonly operation: 'rebase'; readonly backing: string | null };

/** The files of a seed that an operation in place may change. */
export const SEED_CHANGE_FILES = ['meta-data', 'network-config'] as const;

/** The whole texts of files of a seed, as they will be. */
export type SeedChange = Readonly<Record<(typeof SEED_CHANGE_FILES)[number], string>>;

/**
 * An unfinished operation in place: `pending.json`. qemu-img changes a disk in many steps of its own, and what it
 * leaves when it is killed opens without a word; so the whole intention is written down first, atomically. That write
 * is the commit point: from then on the operation is only ever rolled forward.
 */
export interface PendingOperation {
  readonly step: DiskStep;
  /** The spec as it will be; null: it stays. */
  readonly spec: InstanceSpec | null;
  /** Snapshot files as they will be, by file name; null: removed. */
  readonly snapshots: ReadonlyMap<string, SnapshotRecord | null>;
  /** Files of the seed as they will be; undefined: it stays. */
  readonly seed?: SeedChange | undefined;
}

const OPERATIONS = [
  'rewrite',
  'snapshot',
  'restore',
  'delete-snapshot',
  'resize',
  'rebase',
  'freeze',
  'still',
  'live-snapshot',
  'live-delete',
] as const;
/** What tells one change of a running head from another: in names of files, and of QEMU's block nodes. */
const LIVE_ID = /^[0-9a-f]{24}$/;
const TAG = /^(?:@s[0-9]{1,5}|suspend)$/;
const SPEC_KEY = 'spec.json';
const SEED_KEY = INSTANCE_FILES.seed;
const SNAPSHOT_KEY = /^snapshots\/([0-9]{4,5}\.json)$/;

/**
 * Decodes `pending.json` strictly: what it names becomes arguments and paths.
 * @throws RecordError (RECORD_INVALID) that names the file and the place in it
 */
export function decodePending(place: JsonPlace): PendingOperation {
  const records = place.key('records');
  const snapshots = new Map<string, SnapshotRecord | null>();
  let spec: InstanceSpec | null = null;
  let seed: SeedChange | undefined;
  for (const key of Object.keys(records.object())) {
    const file = SNAPSHOT_KEY.exec(key)?.[1];
    const record = records.key(key);
    if (key === SPEC_KEY) spec = decodeSpec(record);
    else if (key === SEED_KEY) seed = decodeSeed(record);
    else if (file === undefined) record.fail('expected spec.json or a file of snapshots/');
    else snapshots.set(file, record.isAbsent() ? null : decodeSnapshotRecord(record));
  }
  return { step: decodeStep(place), spec, snapshots, ...(seed === undefined ? {} : { seed }) };
}

/** The JSON of `pending.json`; the inverse of {@link decodePending}. */
export function encodePending(pending: PendingOperation): unknown {
  const { operation, ...given } = pending.step;
  const snapshots = [...pending.snapshots].map(
    ([file, record]) => [`snapshots/${file}`, record] as const,
  );
  return {
    operation,
    arguments: given,
    records: {
      ...(pending.spec === null ? {} : { [SPEC_KEY]: pending.spec }),
      ...Object.fromEntries(snapshots),
      ...(pending.seed === undefined ? {} : { [SEED_KEY]: pending.seed }),
    },
  };
}

/** The whole text of each file, and so the same however often it is written. */
function decodeSeed(place: JsonPlace): SeedChange {
  for (const key of Object.keys(place.object())) {
    if (!SEED_CHANGE_FILES.some((file) => file === key))
      place.key(key).fail('expected no such file');
  }
  const [metaData, networkConfig] = SEED_CHANGE_FILES;
  return {
    [metaData]: place.key(metaData).string(),
    [networkConfig]: place.key(networkConfig).string(),
  };
}

function decodeStep(place: JsonPlace): DiskStep {
  const operation = place.key('operation').oneOf(OPERATIONS);
  const given = place.key('arguments');
  switch (operation) {
    case 'rewrite':
      return { operation };
    case 'snapshot':
    case 'restore':
    case 'delete-snapshot':
      return { operation, tag: given.key('tag').matching(TAG, 'the tag of a snapshot') };
    case 'freeze':
      return {
        operation,
        id: given.key('id').matching(LIVE_ID, '24 hex digits'),
        ...decodeStandstill(given),
      };
    case 'still':
      return { operation, ...decodeStandstill(given) };
    case 'live-snapshot':
      return {
        operation,
        tag: given.key('tag').matching(TAG, 'the tag of a snapshot'),
        record: decodeSnapshotRecord(given.key('record')),
        ...decodeStandstill(given),
      };
    case 'live-delete':
      return {
        operation,
        tag: given.key('tag').matching(TAG, 'the tag of a snapshot'),
        ...decodeStandstill(given),
      };
    case 'resize':
      return { operation, size: given.key('size').integer(1) };
    case 'rebase': {
      const backing = given.key('backing');
      return {
        operation,
        backing: backing.isAbsent() ? null : backing.matching(BASE_FILE, 'the name of a base'),
      };
    }
  }
}

function decodeStandstill(place: JsonPlace): Standstill {
  return { resume: place.key('resume').boolean(), thaw: place.key('thaw').boolean() };
}

/** Whether a step is done to a running instance by its QEMU. */
export function isRunningStep(step: DiskStep): step is RunningStep {
  return ['freeze', 'still', 'live-snapshot', 'live-delete'].includes(step.operation);
}
