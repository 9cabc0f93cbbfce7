import type { JsonPlace, WithUnknownKeys } from '../../files/decoder.js';
import type { Machine } from '../../qemu/machine.js';
import { decodeInterfaces, type NetworkInterface } from './interface.js';
import { decodeMachine } from './machine.js';
import { decodeMount, type Mount } from './mount.js';

/**
 * A snapshot of an instance: `snapshots/NNNN.json`. The state of the disk is the internal snapshot `@s<index>`
 * of the head, as Multipass names it.
 */
export interface SnapshotRecord extends WithUnknownKeys {
  /** 1 to 9999; the next one is the highest there is, plus 1. */
  readonly index: number;
  /** What it is called: no other one of the instance is. */
  readonly name: string;
  /** What its maker wrote of it; '' for nothing. */
  readonly comment: string;
  /** Index of the parent snapshot; 0 for none. */
  readonly parent: number;
  /** UTC, ISO 8601 with milliseconds. */
  readonly created: string;
  /** How many processors the instance had. */
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  /** Bytes of the virtual disk. */
  readonly disk: number;
  /** Those of that time. */
  readonly interfaces: readonly NetworkInterface[];
  /** Those of that time. */
  readonly mounts: readonly Mount[];
  /** The seed's instance-id at that time, or null when it is not known. */
  readonly instanceId: string | null;
  /**
   * What the disk is like where it ran: `frozen`, the guest had written out its file systems and held them still;
   * `crash`, as after a power cut. Absent: it was stopped.
   */
  readonly consistency?: 'frozen' | 'crash' | undefined;
  /** @internal What its memory, which was saved with it, belongs to. Absent: it was not. */
  readonly machine?: Machine | undefined;
}

const SNAPSHOT_KEYS = [
  'index',
  'name',
  'comment',
  'parent',
  'created',
  'cpus',
  'memory',
  'disk',
  'interfaces',
  'mounts',
  'instanceId',
  'consistency',
  'machine',
];

/**
 * Decodes one snapshot file strictly.
 * @throws RecordError (RECORD_INVALID) that names the file and the place in it
 */
export function decodeSnapshotRecord(place: JsonPlace): SnapshotRecord {
  const instanceId = place.key('instanceId');
  const consistency = place.key('consistency');
  const machine = place.key('machine');
  return {
    index: place.key('index').integer(1),
    name: place.key('name').string(),
    comment: place.key('comment').string(),
    parent: place.key('parent').integer(0),
    created: place.key('created').string(),
    cpus: place.key('cpus').integer(1),
    memory: place.key('memory').integer(1),
    disk: place.key('disk').integer(1),
    interfaces: decodeInterfaces(place.key('interfaces')),
    mounts: place.key('mounts').items().map(decodeMount),
    instanceId: instanceId.isAbsent() ? null : instanceId.string(),
    ...(consistency.isAbsent() ? {} : { consistency: consistency.oneOf(['frozen', 'crash']) }),
    ...(machine.isAbsent() ? {} : { machine: decodeMachine(machine) }),
    ...place.unknownKeys(SNAPSHOT_KEYS),
  };
}

/** The qcow2 tag of a snapshot, as Multipass names it. */
export function snapshotTag(index: number): string {
  return `@s${index}`;
}

/** The file of a snapshot inside `snapshots/`: `0001.json`. */
export function snapshotFileName(index: number): string {
  return `${String(index).padStart(4, '0')}.json`;
}
