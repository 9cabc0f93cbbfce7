import { join } from 'node:path';
import { LEASES_FILE, readLeases, withoutLeasesOf } from '../leases.js';
import type { MacAddress } from '../mac-address.js';
import { replaceFile } from '../../files/draft.js';
import { isAnothers, type BridgeFolder } from './bridge-folder.js';
import { readBridgeRecord } from './bridge-record.js';
import { startDnsmasq } from './dnsmasq.js';
import { findDnsmasq, stopDnsmasq, type DnsmasqProcess } from './dnsmasq-process.js';
import { requireRoot } from './network-tool.js';

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
  if (withoutLeasesOf(before, mac) === before) return;
  const running = await ownDnsmasq(folder);
  if (running !== undefined) {
    requireRoot();
    await stopDnsmasq(running, signal);
  }
  // Read again: until just now it may have been written.
  await replaceFile(join(folder, LEASES_FILE), withoutLeasesOf(readLeases(folder), mac));
  if (running !== undefined) await startDnsmasq(folder, running.argv.slice(1), signal);
}

async function ownDnsmasq(folder: string): Promise<DnsmasqProcess | undefined> {
  const record = readBridgeRecord(folder);
  if (record === undefined || (await isAnothers(folder, record.bridge))) return undefined;
  return findDnsmasq(folder, record.bridge);
}
