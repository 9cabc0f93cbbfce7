import { makeFolder } from '../../files/make-folder.js';
import { randomBytes, randomInt } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonPlace } from '../../files/decoder.js';
import { replaceFile } from '../../files/draft.js';
import { readRecordIfAny, recordText } from '../../files/record.js';
import { hostSubnets, noFreeSubnet } from '../host-subnets.js';
import { LEASES_FILE } from '../leases.js';
import { MacAddress } from '../mac-address.js';
import { MacAddressGenerator } from '../mac-address-generator.js';
import { freeSubnet, Subnet } from '../subnet.js';
import { forgetAllGuests } from './known-guests.js';

/** What a store's bridge is called and how it is addressed. It goes with the store. */
export interface BridgeRecord {
  /** Name of the interface: `mpbr` and 8 hex digits. */
  readonly bridge: string;
  readonly subnet: Subnet;
  readonly mac: MacAddress;
}

const RECORD_FILE = 'network.json';
const BRIDGE_NAME = /^mpbr[0-9a-f]{8}$/;

/** True for the name of a bridge of ours, of whatever store. */
export function isOwnBridge(name: string): boolean {
  return BRIDGE_NAME.test(name);
}

/**
 * The record in a network folder; undefined when there is none yet.
 * @throws RecordError (RECORD_INVALID) when it cannot be understood; it is never dropped or overwritten; MultipassError
 *   INSTANCE_BROKEN for a link, PERMISSION_DENIED
 */
export function readBridgeRecord(folder: string): BridgeRecord | undefined {
  const place = readRecordIfAny(join(folder, RECORD_FILE));
  return place === undefined ? undefined : decode(place);
}

/**
 * A new name, MAC address and free subnet, on record from now on; leases of an older one are forgotten.
 * @param reserved subnets that it must keep clear of besides those of the host
 */
export async function newBridgeRecord(
  folder: string,
  reserved: readonly Subnet[] = [],
): Promise<BridgeRecord> {
  return writeRecord(folder, {
    bridge: `mpbr${randomBytes(4).toString('hex')}`,
    subnet: chooseSubnet(reserved),
    // Bridges are not in the store's table of MAC addresses: there is but one of them.
    mac: await MacAddressGenerator.instance.generate(() => Promise.resolve(true)),
  });
}

/** Another subnet for the same bridge, on record from now on; the leases in the old one are forgotten. */
export async function withFreshSubnet(
  folder: string,
  record: BridgeRecord,
  reserved: readonly Subnet[] = [],
): Promise<BridgeRecord> {
  return writeRecord(folder, { ...record, subnet: chooseSubnet(reserved) });
}

function chooseSubnet(reserved: readonly Subnet[]): Subnet {
  const subnet = freeSubnet(randomInt(2 ** 16), [...reserved, ...hostSubnets()]);
  if (subnet === undefined) throw noFreeSubnet();
  return subnet;
}

async function writeRecord(folder: string, record: BridgeRecord): Promise<BridgeRecord> {
  await makeFolder(folder);
  // Before the record: a lease out of the subnet would be believed.
  await rm(join(folder, LEASES_FILE), { force: true });
  await forgetAllGuests(folder);
  await replaceFile(join(folder, RECORD_FILE), recordText(record));
  return record;
}

function decode(place: JsonPlace): BridgeRecord {
  const bridge = place.key('bridge').matching(BRIDGE_NAME, '"mpbr" and 8 hex digits');
  const subnet = Subnet.tryParse(place.key('subnet').string());
  if (subnet?.prefix !== 24) {
    return place.key('subnet').fail('expected a subnet such as "10.1.2.0/24"');
  }
  const mac = MacAddress.tryParse(place.key('mac').string());
  return { bridge, subnet, mac: mac ?? place.key('mac').fail('expected a MAC address') };
}
