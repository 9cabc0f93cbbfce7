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
  /** As of `DnsmasqRequest`. */
  readonly options?: readonly string[] | undefined;
}

/**
 * Frees the address of an instance that is no more. A dnsmasq that runs is stopped for that moment, because it would
 * write back what it remembers; guests ask again by themselves. Keep it from running beside `ensureBridge`.
 * @throws MultipassError NETWORK_FAILED, NETWORK_UNAVAILABLE, IO_ERROR, RECORD_INVALID, ABORTED; after a kill between
 *   the steps `ensureBridge` starts dnsmasq again
 */
export async function forgetLease(request: ForgetLease): Promise<void> {
  const { folder, mac, signal, through, inside, options } = request;
  const before = readLeases(folder);
  const hasLease = withoutLeasesOf(before, mac) !== before;
  if (!hasLease && !knownGuests(folder).some((guest) => guest.mac.equals(mac))) return;
  const own = await ownDnsmasq(folder, inside);
  if (own !== undefined) {
    if (inside === undefined) requireRoot();
    await stopDnsmasq(own.running, signal);
  }
  // Read again: until just now it may have been written.
  if (hasLease) {
    await replaceFile(join(folder, LEASES_FILE), withoutLeasesOf(readLeases(folder), mac));
  }
  const guests = await forgetGuest(folder, mac);
  if (own === undefined) return;
  const place = { through, inside, signal };
  await ensurePins(own.record, guests, place);
  await ensureDnsmasq({ ...place, folder: resolve(folder), record: own.record, guests, options });
}

async function ownDnsmasq(
  folder: string,
  inside: number | undefined,
): Promise<{ record: BridgeRecord; running: DnsmasqProcess } | undefined> {
  const record = readBridgeRecord(folder);
  if (record === undefined) return undefined;
  if (inside === undefined && (await isAnothers(folder, record.bridge))) return undefined;
  const running = findDnsmasq(folder, record.bridge, inside);
  return running === undefined ? undefined : { record, running };
}
