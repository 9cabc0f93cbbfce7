import { isAnothers, type BridgeFolder } from './bridge-folder.js';
import { readBridgeRecord } from './bridge-record.js';
import { findDnsmasq, stopDnsmasq } from './dnsmasq-process.js';
import { removeFirewall } from './firewall.js';
import { portsOf, removeLink } from './link.js';
import { requireRoot } from './network-tool.js';
import { removePins } from './pin-table.js';

/**
 * Removes the store's bridge, its dnsmasq and its NAT, unless something is plugged in. The leases and `network.json`
 * stay, so that stopped and suspended instances find their addresses again.
 * @returns true when there is no bridge any more, false when it is in use
 * @throws MultipassError NETWORK_FAILED, NETWORK_UNAVAILABLE, RECORD_INVALID, ABORTED; the next call goes on with it
 */
export async function removeBridgeIfIdle({ folder, signal }: BridgeFolder): Promise<boolean> {
  const record = readBridgeRecord(folder);
  if (record === undefined) return true;
  requireRoot();
  const { bridge } = record;
  if (await isAnothers(folder, bridge)) return true;
  if ((await portsOf(bridge, signal)).length > 0) return false;
  const dnsmasq = findDnsmasq(folder, bridge);
  if (dnsmasq !== undefined) await stopDnsmasq(dnsmasq, signal);
  await removeFirewall(bridge, signal);
  await removePins(bridge, signal);
  await removeLink(bridge, signal);
  return true;
}
