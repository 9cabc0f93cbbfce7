/**
 * Bridge mode on Linux: one bridge for all instances of a store, with NAT and a dnsmasq of its own. Everything here
 * looks at what is there and does what is missing, so that a call that was killed is finished by the next one. Calls
 * for the same folder must not run side by side: the caller holds a lock of the store.
 */
import { resolve } from 'node:path';
import { hostSubnets } from '../host-subnets.js';
import type { MacAddress } from '../mac-address.js';
import { isAnothers, type BridgeFolder } from './bridge-folder.js';
import {
  newBridgeRecord,
  readBridgeRecord,
  withFreshSubnet,
  type BridgeRecord,
} from './bridge-record.js';
import { ensureDnsmasq, type DnsmasqRequest } from './dnsmasq.js';
import { ensureFirewall } from './firewall.js';
import { ensureLink, linkNamed } from './link.js';
import { admitGuests, knownGuests, type NewGuest } from './known-guests.js';
import { requireRoot } from './network-tool.js';
import { ensurePins } from './pin-table.js';

/** The bridge of a store, ready for taps. */
export interface Bridge {
  /** Name of the interface. */
  readonly bridge: string;
  /** `10.1.2.0/24` */
  readonly subnet: string;
  /** The host, as the guests see it; their DNS server too. */
  readonly gateway: string;
  readonly mac: MacAddress;
}

/**
 * The store's bridge, set up as far as it is not: name, subnet and MAC address (chosen at first use and kept in
 * `network.json`), the link with its address, forwarding and NAT, dnsmasq. Changes nothing when all of that is there.
 *
 * A bridge that is there keeps its subnet, whatever the host has got since. One that is not takes another subnet when
 * its old one overlaps by now. When the bridge belongs to another store, of which this one is a copy, this one takes
 * another name.
 *
 * @throws MultipassError NETWORK_UNAVAILABLE without privileges or programs, NETWORK_FAILED, RECORD_INVALID, ABORTED;
 *   what is half set up then, the next call finishes or `removeBridgeIfIdle` removes
 */
export async function ensureBridge(request: BridgeFolder): Promise<Bridge> {
  const { signal } = request;
  const folder = resolve(request.folder);
  requireRoot();
  const record = await settledRecord(folder, signal);
  await ensureLink(record, signal);
  await ensureFirewall(record, signal);
  await serve({ folder, record, guests: knownGuests(folder), signal });
  const { bridge, subnet, mac } = record;
  return { bridge, subnet: subnet.toString(), gateway: subnet.address(1), mac };
}

/**
 * Lets guests on the store's bridge, which is there: each gets an address for good, by DHCP, and can have no other.
 * To be called before their taps are plugged in.
 * @throws MultipassError NETWORK_FAILED when all addresses are given away, NETWORK_UNAVAILABLE, RECORD_INVALID, ABORTED
 */
export async function admitToBridge(
  request: BridgeFolder & { readonly guests: readonly NewGuest[] },
): Promise<void> {
  const { signal } = request;
  const folder = resolve(request.folder);
  const record = readBridgeRecord(folder);
  if (record === undefined) throw new Error('no bridge to admit guests to');
  const guests = await admitGuests(folder, record.subnet, request.guests);
  await serve({ folder, record, guests, signal });
}

async function serve(request: DnsmasqRequest): Promise<void> {
  const { signal } = request;
  await ensurePins(request.record, request.guests, { signal });
  await ensureDnsmasq(request);
}

async function settledRecord(folder: string, signal?: AbortSignal): Promise<BridgeRecord> {
  const record = readBridgeRecord(folder);
  if (record === undefined || (await isAnothers(folder, record.bridge))) {
    return newBridgeRecord(folder);
  }
  if ((await linkNamed(record.bridge, signal)) !== undefined) return record;
  const isTaken = hostSubnets().some((subnet) => subnet.overlaps(record.subnet));
  return isTaken ? withFreshSubnet(folder, record) : record;
}
