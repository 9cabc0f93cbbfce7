import { JsonPlace } from '../../files/decoder.js';
import { MacAddress } from '../../net/mac-address.js';
import { BASE_FILE, INSTANCE_FILES } from '../../store/instance-dir.js';
import { decodeMount, type Mount } from '../records/mount.js';
import { MOST_INTERFACES } from '../records/interface.js';
import type { SnapshotRecord } from '../records/snapshot-record.js';
import { decodeUuid, SSH_USER } from '../records/spec.js';
import { decodeDigest, type Digest } from '../../files/digest.js';

/** A card of an instance that travels: its MAC address stays at home, unless the identity travels as well. */
export interface TravelCard {
  /** Which of the instance's addresses it has, from 0; cards of snapshots may have the same one. */
  readonly card: number;
  readonly network: string | null;
  readonly auto: boolean;
}

/** What of a snapshot travels besides its state, which is in the head. */
export interface TravelSnapshot {
  readonly index: number;
  readonly name: string;
  readonly comment: string;
  readonly parent: number;
  readonly created: string;
  readonly cpus: number;
  readonly memory: number;
  readonly disk: number;
  readonly interfaces: readonly TravelCard[];
  /** Only with the identity. */
  readonly instanceId: string | null;
  /** As of {@link SnapshotRecord}. */
  readonly consistency?: SnapshotRecord['consistency'];
}

/** One file of an instance's folder that travels. */
export interface TravelFile {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** The file that it stands on. */
  readonly backing: string | null;
  /** Not null: the file stays at home, and whoever takes the artifact must have one of this content. */
  readonly kept: Digest | null;
}

/** What a file of the seed is called, and holds. */
export interface TravelSeedFile {
  readonly name: string;
  readonly data: Buffer;
}

/** Who an instance is, when it moves. */
export interface TravelIdentity {
  readonly uuid: string;
  readonly vmgenid: string;
  /** By the number of the card. */
  readonly macs: readonly MacAddress[];
}

/** The config blob of an artifact: all that an instance is besides its disk. */
export interface TravelConfig {
  /** As OCI calls it: `amd64`, `arm64`. */
  readonly architecture: string;
  /** QEMU's board: `pc`, `virt`. */
  readonly machine: string;
  readonly firmware: 'bios' | 'uefi';
  readonly name: string;
  readonly cpus: number;
  readonly memory: number;
  readonly disk: number;
  readonly sshUser: string;
  readonly interfaces: readonly [TravelCard, ...TravelCard[]];
  readonly snapshotHead: number;
  readonly snapshots: readonly TravelSnapshot[];
  /** For information: host folders stay where they are. */
  readonly mounts: readonly Mount[];
  readonly image: {
    readonly id: string;
    readonly release: string;
    readonly os: string;
    readonly version: string;
    readonly query: {
      readonly release: string;
      readonly remote: string;
      readonly type: 'alias' | 'file' | 'http';
    };
  };
  readonly files: readonly TravelFile[];
  /** Null: it has none. */
  readonly seed: readonly TravelSeedFile[] | null;
  /** `<type> <base64>` of the ssh key that the seed lets in, and that another store puts its own in place of. */
  readonly authorizedKey: string | null;
  readonly identity: TravelIdentity | null;
  /** A private ssh key that the guest lets in. */
  readonly privateKey: string | null;
}

/** No config comes near it; what does is no config. */
export const LARGEST_CONFIG = 1024 ** 2;
/** The largest disk that is taken, as for images. */
const LARGEST_DISK = 16 * 1024 ** 4;
const MOST_FILES = 256;
const MOST_SNAPSHOTS = 9999;
const LONGEST_KEY = 64 * 1024;

const FORMAT = 1;
const WORD = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const NAME = /^[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
const SEED_FILE = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;
const PUBLIC_KEY = /^[a-z0-9@.-]{1,64} [A-Za-z0-9+/-]{16,4096}={0,2}$/;
const PRIVATE_KEY = /^-----BEGIN [A-Z ]{1,40}PRIVATE KEY-----\n[\x20-\x7e\n]*$/;

/** The bytes of a config; the inverse of {@link decodeTravelConfig}. */
export function encodeTravelConfig(config: TravelConfig): Buffer {
  const seed = config.seed?.map(({ name, data }) => ({ name, data: data.toString('base64') }));
  return Buffer.from(JSON.stringify({ format: FORMAT, ...config, seed: seed ?? null }));
}

/**
 * Decodes the config of a stranger's artifact strictly: nothing that it names can become a path outside of the
 * instance's folder, an option, or more than there are limits for.
 * @param origin for messages
 * @throws RecordError with the place of what is wrong
 */
export function decodeTravelConfig(data: Buffer, origin: string): TravelConfig {
  const place = JsonPlace.parse(`${origin}: config`, data.toString('utf8'));
  const format = place.key('format');
  if (format.integer(1) !== FORMAT)
    format.fail('a newer version wrote it, which this one cannot read');
  const [first, ...rest] = decodeCards(place.key('interfaces'));
  if (first === undefined) return place.key('interfaces').fail('expected at least one interface');
  const [seed, identity, key] = [place.key('seed'), place.key('identity'), place.key('privateKey')];
  const authorized = place.key('authorizedKey');
  const config: TravelConfig = {
    architecture: place.key('architecture').matching(WORD, 'an architecture'),
    machine: place.key('machine').matching(WORD, 'a board'),
    firmware: place.key('firmware').oneOf(['bios', 'uefi']),
    name: place.key('name').matching(NAME, 'the name of an instance'),
    cpus: place.key('cpus').integer(1),
    memory: place.key('memory').integer(1),
    disk: decodeSize(place.key('disk')),
    sshUser: place.key('sshUser').matching(SSH_USER, 'a user name'),
    interfaces: [first, ...rest],
    snapshotHead: place.key('snapshotHead').integer(0),
    snapshots: decodeSnapshots(place.key('snapshots')),
    mounts: place.key('mounts').items().map(decodeMount),
    image: decodeImage(place.key('image')),
    files: decodeFiles(place.key('files')),
    seed: seed.isAbsent() ? null : seed.items(64).map(decodeSeedFile),
    authorizedKey: authorized.isAbsent()
      ? null
      : authorized.matching(PUBLIC_KEY, 'a public ssh key'),
    identity: identity.isAbsent() ? null : decodeIdentity(identity),
    privateKey: key.isAbsent() ? null : decodeKey(key),
  };
  requireCards(place, config);
  return config;
}

function decodeSize(place: JsonPlace): number {
  const size = place.integer(1);
  return size <= LARGEST_DISK ? size : place.fail(`a disk of ${size} bytes is larger than can be`);
}

function decodeCards(place: JsonPlace): TravelCard[] {
  return place.items(MOST_INTERFACES).map((card) => {
    const network = card.key('network');
    return {
      card: card.key('card').integer(0),
      network: network.isAbsent() ? null : network.matching(WORD, 'the name of a network'),
      auto: card.key('auto').boolean(),
    };
  });
}

function decodeSnapshots(place: JsonPlace): TravelSnapshot[] {
  const names = new Set<string>();
  const indexes = new Set<number>();
  return place.items(MOST_SNAPSHOTS).map((snapshot) => {
    const index = snapshot.key('index').integer(1);
    const name = snapshot.key('name').matching(NAME, 'the name of a snapshot');
    if (index > MOST_SNAPSHOTS || indexes.has(index) || names.has(name)) {
      return snapshot.fail('expected another index and another name than those before it');
    }
    indexes.add(index);
    names.add(name);
    const instanceId = snapshot.key('instanceId');
    const consistency = snapshot.key('consistency');
    return {
      index,
      name,
      comment: snapshot.key('comment').string(),
      parent: snapshot.key('parent').integer(0),
      created: snapshot.key('created').matching(TIME, 'a time'),
      cpus: snapshot.key('cpus').integer(1),
      memory: snapshot.key('memory').integer(1),
      disk: decodeSize(snapshot.key('disk')),
      interfaces: decodeCards(snapshot.key('interfaces')),
      instanceId: instanceId.isAbsent() ? null : instanceId.string(),
      ...(consistency.isAbsent() ? {} : { consistency: consistency.oneOf(['frozen', 'crash']) }),
    };
  });
}

function decodeImage(place: JsonPlace): TravelConfig['image'] {
  const query = place.key('query');
  return {
    id: place.key('id').string(),
    release: place.key('release').string(),
    os: place.key('os').string(),
    version: place.key('version').string(),
    query: {
      release: query.key('release').string(),
      remote: query.key('remote').string(),
      type: query.key('type').oneOf(['alias', 'file', 'http']),
    },
  };
}

/** The head first, then what it stands on: each file once, and each on the next one. */
function decodeFiles(place: JsonPlace): TravelFile[] {
  const items = place.items(MOST_FILES);
  const names = new Set<string>();
  const files = items.map((file, index) => {
    const name =
      index === 0
        ? file.key('name').oneOf([INSTANCE_FILES.disk])
        : file.key('name').matching(BASE_FILE, 'the name of a base');
    if (names.has(name)) file.fail('expected each file once');
    names.add(name);
    const [backing, kept] = [file.key('backing'), file.key('kept')];
    if (index === 0 && !kept.isAbsent()) kept.fail('expected the head to travel');
    return {
      name,
      size: decodeSize(file.key('size')),
      backing: backing.isAbsent() ? null : backing.matching(BASE_FILE, 'the name of a base'),
      kept: kept.isAbsent() ? null : decodeDigest(kept),
    };
  });
  if (files.length === 0) place.fail('expected a disk');
  for (const [index, { backing }] of files.entries()) {
    if (backing !== (files[index + 1]?.name ?? null)) {
      items[index]?.key('backing').fail('expected the file that comes next');
    }
  }
  return files;
}

function decodeSeedFile(place: JsonPlace): TravelSeedFile {
  const name = place.key('name').matching(SEED_FILE, 'the name of a file of a seed');
  const data = place.key('data').string();
  if (!BASE64.test(data)) place.key('data').fail('expected base64');
  return { name, data: Buffer.from(data, 'base64') };
}

function decodeIdentity(place: JsonPlace): TravelIdentity {
  return {
    uuid: decodeUuid(place.key('uuid')),
    vmgenid: decodeUuid(place.key('vmgenid')),
    macs: place
      .key('macs')
      .items()
      .map((mac) => MacAddress.tryParse(mac.string()) ?? mac.fail('expected a MAC address')),
  };
}

function decodeKey(place: JsonPlace): string {
  const key = place.string();
  if (key.length > LONGEST_KEY || !PRIVATE_KEY.test(key)) place.fail('expected a private ssh key');
  return key;
}

/** Two cards of one machine never have one address, and an identity has one for each. */
function requireCards(place: JsonPlace, config: TravelConfig): void {
  const macs = config.identity?.macs;
  if (macs !== undefined && new Set(macs.map((mac) => mac.toHex())).size !== macs.length) {
    place.key('identity').key('macs').fail('expected each address once');
  }
  for (const cards of [config.interfaces, ...config.snapshots.map((one) => one.interfaces)]) {
    const numbers = cards.map(({ card }) => card);
    const most = macs?.length ?? MOST_CARDS;
    if (new Set(numbers).size !== numbers.length || numbers.some((number) => number >= most)) {
      place.key('interfaces').fail('expected an address of its own for each');
    }
  }
}

/** As many as there are placeholders for. */
const MOST_CARDS = 1000;
