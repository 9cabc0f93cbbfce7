import { networkTool, ipJson } from './network-tool.js';
import type { BridgeRecord } from './bridge-record.js';

/** The host's bridge is there, with its addresses, and up. */
export async function ensureLink(record: BridgeRecord, signal?: AbortSignal): Promise<void> {
  const { bridge, subnet, mac } = record;
  const doing = `set up the bridge "${bridge}"`;
  const ip = (...args: string[]) => networkTool('ip', args, doing, { signal });
  const found = await linkNamed(bridge, signal);
  if (found === undefined) {
    await ip('link', 'add', 'name', bridge, 'address', mac.toString(), 'type', 'bridge');
  } else if (found['address'] !== mac.toString()) {
    await ip('link', 'set', 'dev', bridge, 'address', mac.toString());
  }
  if (!hasAddress(found, subnet.address(1))) {
    const address = `${subnet.address(1)}/${subnet.prefix}`;
    await ip('address', 'add', address, 'broadcast', subnet.address(255), 'dev', bridge);
  }
  if (!hasFlag(found, 'UP')) await ip('link', 'set', 'dev', bridge, 'up');
}

/** The interface by that name as `ip -json address` describes it; undefined when there is none. */
export async function linkNamed(
  name: string,
  signal?: AbortSignal,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const links = await ipJson(['address', 'show'], "look at this host's interfaces", { signal });
  return links.find((link) => link['ifname'] === name);
}

/** Names of the interfaces plugged into a bridge now; none when there is no such bridge. */
export async function portsOf(bridge: string, signal?: AbortSignal): Promise<string[]> {
  const links = await ipJson(['link', 'show'], `look at the bridge "${bridge}"`, { signal });
  return links.filter((link) => link['master'] === bridge).map((link) => String(link['ifname']));
}

/** The bridge is gone. */
export async function removeLink(bridge: string, signal?: AbortSignal): Promise<void> {
  if ((await linkNamed(bridge, signal)) === undefined) return;
  const args = ['link', 'delete', 'dev', bridge, 'type', 'bridge'];
  await networkTool('ip', args, `remove the bridge "${bridge}"`, { signal });
}

function hasAddress(link: Readonly<Record<string, unknown>> | undefined, address: string): boolean {
  const addresses: unknown = link?.['addr_info'];
  return (
    Array.isArray(addresses) &&
    addresses.some((entry: { local?: unknown } | null) => entry?.local === address)
  );
}

function hasFlag(link: Readonly<Record<string, unknown>> | undefined, flag: string): boolean {
  const flags: unknown = link?.['flags'];
  return Array.isArray(flags) && flags.includes(flag);
}
