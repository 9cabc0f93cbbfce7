import { join, resolve } from 'node:path';
import { LEASES_FILE, readLeases, withoutLeasesOf } from '../leases.js';
import type { MacAddress } from '../mac-address.js';
import { replaceFile } from '../../files/draft.js';
import { isAnothers, type BridgeFolder } from './bridge-folder.js';
import { readBridgeRecord, type BridgeRecord } from './bridge-record.js';
import { ensureDnsmasq } from './dnsmasq.js';
import { findDnsmasq, stopDnsmasq, type DnsmasqProcess } from './dnsmasq-process.js';
import { forgetGuest, knownGuests } from './known-guests.js';
import { requireRoot } from './network-tool.js';
import { ensurePins } from './pin-table.js';

/** Whose address is to be free again. */
export interface ForgetLease extends BridgeFolder {
  readonly mac: MacAddress;
}

/**
 * Frees the address of an instance that is no more. A dnsmasq that runs is stopped for that moment, because it would
 * write back what it remembers; guests ask again by themselves. Keep it from running beside `ensureBridge`.
 * @throws MultipassError NETWORK_FAILED, NETWORK_UNAVAILABLE, IO_ERROR, RECORD_INVALID, ABORTED; after a kill between
 *   the steps `ensureBridge` starts dnsmasq again
 */
export async function forgetLease({ folder, mac, signal }: ForgetLease): Promise<void> {
  const before = readLeases(folder);
  const hasLease = withoutLeasesOf(before, mac) !== before;
  if (!hasLease && !knownGuests(folder).some((guest) => guest.mac.equals(mac))) return;
  const own = await ownDnsmasq(folder);
  if (own !== undefined) {
    requireRoot();
    await stopDnsmasq(own.running, signal);
  }
  // Read again: until just now it may have been written.
  if (hasLease) {
    await replaceFile(join(folder, LEASES_FILE), withoutLeasesOf(readLeases(folder), mac));
  }
  const guests = await forgetGuest(folder, mac);
  if (own === undefined) return;
  await ensurePins(own.record, guests, signal);
  await ensureDnsmasq({ folder: resolve(folder), record: own.record, guests, signal });
}

async function ownDnsmasq(
  folder: string,
): Promise<{ record: BridgeRecord; running: DnsmasqProcess } | undefined> {
  const record = readBridgeRecord(folder);
  if (record === undefined || (await isAnothers(folder, record.bridge))) return undefined;
  const running = findDnsmasq(folder, record.bridge);
  return running === undefined ? undefined : { record, running };
}
