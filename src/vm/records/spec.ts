import type { JsonPlace, WithUnknownKeys } from '../../files/decoder.js';
import { decodeForwards, type Forward } from './forward.js';
import { decodeInterfaces, type NetworkInterface } from './interface.js';
import { decodeMount, type Mount } from './mount.js';

/**
 * What the user asked for: `spec.json` of an instance. It holds neither the instance's name (the folder's name is
 * that) nor any path of the store.
 */
export interface InstanceSpec extends WithUnknownKeys {
  /** SMBIOS uuid; also what MAC rows and lineage name the instance by. Never changes, rename included. */
  readonly uuid: string;
  /** Virtual machine generation id: changes whenever the machine's past is no longer its own. */
  readonly vmgenid: string;
  /** How many processors it has. */
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  /** Bytes of the virtual disk. */
  readonly disk: number;
  /** Who programs run as in the guest, unless they are told otherwise. */
  readonly sshUser: string;
  /** Name of the private key in the store's `keys/` folder, or null when none is known. */
  readonly sshKey: string | null;
  /** The default interface, then the extra ones; never empty. */
  readonly interfaces: readonly [NetworkInterface, ...NetworkInterface[]];
  /** Folders of the host that it has. */
  readonly mounts: readonly Mount[];
  /** Ports of the host that lead to its own. */
  readonly forwards: readonly Forward[];
  /** Index of the snapshot that the disk descends from; 0 for none. */
  readonly snapshotHead: number;
  /** Soft-deleted: kept until `purge`, brought back by `recover`. */
  readonly deleted: boolean;
  /** Whether it starts when its host does, by `autostart`. */
  readonly autostart: boolean;
}

const SPEC_KEYS = [
  'uuid',
  'vmgenid',
  'cpus',
  'memory',
  'disk',
  'sshUser',
  'sshKey',
  'interfaces',
  'mounts',
  'forwards',
  'snapshotHead',
  'deleted',
  'autostart',
];

/** A user name as Debian's adduser accepts it, upper case too: it becomes an argument of ssh. */
export const SSH_USER = /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/;
/** A file name without a directory, and no option. */
const KEY_NAME = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * Decodes `spec.json` strictly.
 * @throws RecordError (RECORD_INVALID) that names the file and the place in it
 */
export function decodeSpec(place: JsonPlace): InstanceSpec {
  const [first, ...rest] = decodeInterfaces(place.key('interfaces'));
  if (first === undefined) return place.key('interfaces').fail('expected at least one interface');
  const [sshKey, autostart] = [place.key('sshKey'), place.key('autostart')];
  return {
    uuid: decodeUuid(place.key('uuid')),
    vmgenid: decodeUuid(place.key('vmgenid')),
    cpus: place.key('cpus').integer(1),
    memory: place.key('memory').integer(1),
    disk: place.key('disk').integer(1),
    sshUser: place.key('sshUser').matching(SSH_USER, 'a user name'),
    sshKey: sshKey.isAbsent() ? null : sshKey.matching(KEY_NAME, 'the name of a key file'),
    interfaces: [first, ...rest],
    mounts: place.key('mounts').items().map(decodeMount),
    forwards: decodeForwards(place.key('forwards')),
    snapshotHead: place.key('snapshotHead').integer(0),
    deleted: place.key('deleted').boolean(),
    // Specs of older versions have none.
    autostart: autostart.isAbsent() ? false : autostart.boolean(),
    ...place.unknownKeys(SPEC_KEYS),
  };
}

/** A lower-case uuid. @throws RecordError */
export function decodeUuid(place: JsonPlace): string {
  return place.matching(UUID, 'a lower-case uuid');
}
