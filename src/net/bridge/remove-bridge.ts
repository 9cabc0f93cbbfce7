import { sleep } from '../../abort.js';
import { isAnothers, type BridgeFolder } from './bridge-folder.js';
import { readBridgeRecord } from './bridge-record.js';
import { findDnsmasq, stopDnsmasq } from './dnsmasq-process.js';
import { removeFirewall } from './firewall.js';
import { portsOf, removeLink } from './link.js';
import { requireRoot } from './network-tool.js';
import { removePins } from './pin-table.js';

/** Which bridge is no longer needed. */
export interface RemoveBridgeRequest extends BridgeFolder {
  /** Taps of machines that have ended: the kernel may be about to remove them. Default: none. */
  readonly ended?: readonly string[] | undefined;
}

const POLL_MS = 20;
/** How long the kernel may take for that: it took 50 ms when tried. */
const REMOVED_WITHIN_MS = 5000;

/**
 * Removes the store's bridge, its dnsmasq and its NAT, unless something is plugged in. The leases and `network.json`
 * stay, so that stopped and suspended instances find their addresses again.
 * @returns true when there is no bridge any more, false when it is in use
 * @throws MultipassError NETWORK_FAILED, NETWORK_UNAVAILABLE, RECORD_INVALID, ABORTED; the next call goes on with it
 */
export async function removeBridgeIfIdle(request: RemoveBridgeRequest): Promise<boolean> {
  const { folder, ended = [], signal } = request;
  const record = readBridgeRecord(folder);
  if (record === undefined) return true;
  requireRoot();
  const { bridge } = record;
  if (await isAnothers(folder, bridge)) return true;
  if (!(await isEmpty(bridge, ended, signal))) return false;
  const dnsmasq = findDnsmasq(folder, bridge);
  if (dnsmasq !== undefined) await stopDnsmasq(dnsmasq, signal);
  await removeFirewall(bridge, signal);
  await removePins(bridge, { signal });
  await removeLink(bridge, signal);
  return true;
}

/** Whether nothing is plugged in, once the kernel has removed what belonged to machines that have ended. */
async function isEmpty(
  bridge: string,
  ended: readonly string[],
  signal?: AbortSignal,
): Promise<boolean> {
  const end = performance.now() + REMOVED_WITHIN_MS;
  for (;;) {
    const ports = await portsOf(bridge, signal);
    if (ports.length === 0) return true;
    const isGoing = ports.some((port) => ended.includes(port));
    if (!isGoing || performance.now() > end) return false;
    await sleep(POLL_MS, signal);
  }
}
