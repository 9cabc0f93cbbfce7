import type { JsonPlace, WithUnknownKeys } from '../../files/decoder.js';
import { readRecordIfAny } from '../../files/record.js';
import { MacAddress } from '../../net/mac-address.js';
import type { LoneCard, Machine } from '../../qemu/machine.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import { decodeMachine } from './machine.js';
import { decodeUuid } from './spec.js';

/**
 * How far a guest that goes on from another's memory is renewed before anybody meets it:
 * - `script`: what tells machines apart, by a script of ours; nothing of the user's runs again
 * - `full`: cloud-init does all of a first boot besides
 */
export type RenewalLevel = 'script' | 'full';

/**
 * What an instance has of another one's memory, as `memory.json` keeps it beside `memory.ram` and `memory.devices`.
 * While it is there the guest has not got an identity of its own, and is not let onto any network.
 */
export interface MemoryRecord extends WithUnknownKeys {
  readonly level: RenewalLevel;
  /** What the memory belongs to. */
  readonly machine: Machine;
  /** Version of the QEMU that the state of its devices is for, such as `7.2.22`. */
  readonly qemu: string;
  /** What the guest's processor is, where that is the host's own; null: QEMU's. */
  readonly processor: string | null;
  /** Its cards, as the guest knows them; the first one leads in. */
  readonly cards: readonly LoneCard[];
  /** The lines of `known_hosts` by which the guest is known until it has keys of its own. */
  readonly knownHosts: string;
  /** Uuid of the instance whose memory it is. */
  readonly sourceUuid: string;
  /** When it was saved: UTC, ISO 8601 with milliseconds. */
  readonly saved: string;
}

const KEYS = [
  'level',
  'machine',
  'qemu',
  'processor',
  'cards',
  'knownHosts',
  'sourceUuid',
  'saved',
];
const IPV4 = /^(?:\d{1,3}\.){3}\d{1,3}$/;
const SUBNET = /^(?:\d{1,3}\.){3}0\/24$/;

/** What an instance has of another's memory; undefined: nothing. @throws RecordError */
export function readMemory(dir: InstanceDir): MemoryRecord | undefined {
  const place = readRecordIfAny(dir.memory);
  return place === undefined ? undefined : decodeMemory(place);
}

/** Strictly: what it holds becomes arguments. */
function decodeMemory(place: JsonPlace): MemoryRecord {
  const processor = place.key('processor');
  return {
    level: place.key('level').oneOf(['script', 'full']),
    machine: decodeMachine(place.key('machine')),
    qemu: place.key('qemu').matching(/^\d+\.\d+\.\d+$/, 'a version such as 7.2.22'),
    processor: processor.isAbsent() ? null : processor.string(),
    cards: place.key('cards').items().map(decodeCard),
    knownHosts: place.key('knownHosts').string(),
    sourceUuid: decodeUuid(place.key('sourceUuid')),
    saved: place.key('saved').string(),
    ...place.unknownKeys(KEYS),
  };
}

function decodeCard(place: JsonPlace): LoneCard {
  const [address, tap] = [place.key('address'), place.key('tap')];
  const mac = place.key('mac').string();
  if (MacAddress.tryParse(mac)?.toString() !== mac) place.key('mac').fail('expected a MAC address');
  return {
    mac,
    subnet: place.key('subnet').matching(SUBNET, 'a subnet such as 10.1.2.0/24'),
    address: address.isAbsent() ? null : address.matching(IPV4, 'an IPv4 address'),
    tap: tap.isAbsent() ? null : tap.matching(/^lone\d{1,2}$/, 'the name of a tap of ours'),
    // That is chosen at each start.
    sshPort: null,
  };
}
