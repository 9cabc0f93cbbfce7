import { readFile, writeFile } from 'node:fs/promises';
import { errnoOf, MultipassError, hasCode } from '../../errors.js';
import { log } from '../../log.js';
import type { BridgeRecord } from './bridge-record.js';
import { ensureIptables, hasIptablesRules, removeIptables } from './iptables.js';
import { ensureNftTable, removeNftTable } from './nft-table.js';

const IP_FORWARD = '/proc/sys/net/ipv4/ip_forward';

/**
 * The host forwards for the bridge's guests and hides them behind its own addresses (NAT); they may ask the host for
 * addresses and names, and nobody outside can begin to talk to them. By nftables, in a table of the bridge's own; where
 * `nft` is missing, by iptables.
 *
 * A packet has to pass every table. So where iptables has rules that might stop it (Docker sets "drop" for all that is
 * forwarded), the bridge is let through there as well.
 */
export async function ensureFirewall(record: BridgeRecord, signal?: AbortSignal): Promise<void> {
  await ensureForwarding();
  const missing = await missingTool(() => ensureNftTable(record, signal));
  if (missing !== undefined) {
    await ensureIptables(record, 'all', signal);
    return;
  }
  try {
    if (await hasIptablesRules(record, signal)) await ensureIptables(record, 'pass', signal);
  } catch (error) {
    if (isMissing(error)) return;
    if (!(error instanceof MultipassError) || hasCode(error, 'ABORTED')) throw error;
    log(
      'warning',
      'network',
      `iptables may stop the packets of "${record.bridge}": ${error.message}`,
    );
  }
}

/** Nothing of {@link ensureFirewall} is left but that the host forwards, which others may count on by now. */
export async function removeFirewall(bridge: string, signal?: AbortSignal): Promise<void> {
  await missingTool(() => removeNftTable(bridge, signal));
  await missingTool(() => removeIptables(bridge, signal));
}

async function ensureForwarding(): Promise<void> {
  try {
    if ((await readFile(IP_FORWARD, 'utf8')).trim() !== '0') return;
    await writeFile(IP_FORWARD, '1\n');
  } catch (error) {
    throw new MultipassError('NETWORK_FAILED', `cannot let this host forward ("${IP_FORWARD}")`, {
      hint: 'Run `sysctl net.ipv4.ip_forward=1` on the host, outside of the container.',
      details: { path: IP_FORWARD, errno: errnoOf(error) },
      cause: error,
    });
  }
}

/** The error when the program for it is not installed; undefined when the work is done. */
async function missingTool(work: () => Promise<void>): Promise<unknown> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (isMissing(error)) return error;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof MultipassError && hasCode(error.cause, 'TOOL_MISSING');
}
