import { writeFile } from 'node:fs/promises';
import { errnoOf, MultipassError } from '../../errors.js';
import { parseJson } from '../../files/json.js';
import type { BridgeRecord } from './bridge-record.js';
import { networkTool } from './network-tool.js';

/** A port of the host that leads to a guest on a bridge. */
export interface BridgeForward {
  readonly protocol: 'tcp' | 'udp';
  /** Of the host; `0.0.0.0` is all that it has. */
  readonly address: string;
  readonly port: number;
  readonly guest: { readonly address: string; readonly port: number };
}

/** One that there is, and the bridge that it leads to: of any store. */
export interface FoundForward extends BridgeForward {
  readonly bridge: string;
}

const ANYWHERE = '0.0.0.0';
const PROTOCOLS = ['tcp', 'udp'] as const;
const TABLE = /^multipass_ts_(.+)_forward$/;

/** The table that forwards to a bridge are in. */
export function forwardTable(bridge: string): string {
  return `ip multipass_ts_${bridge}_forward`;
}

/**
 * Has a port of the host lead to a guest, in place of wherever it led before. By nftables, for packets from outside and
 * of the host's own programs. Nobody listens on it: the packets never come that far.
 * @throws MultipassError NETWORK_UNAVAILABLE, NETWORK_FAILED, ABORTED
 */
export async function leadFromHost(
  record: BridgeRecord,
  forward: BridgeForward,
  signal?: AbortSignal,
): Promise<void> {
  const { bridge } = record;
  const { protocol, guest } = forward;
  const doing = `forward a port to ${guest.address}`;
  if (/^127\.|^0\.0\.0\.0$/.test(forward.address)) await letLoopbackOut(bridge, doing);
  await networkTool('nft', [tableScript(record)], doing, { signal });
  await leadFromHostNoMore(bridge, forward, signal);
  const element = `{ ${keyOf(forward)} : ${guest.address} . ${guest.port} }`;
  const words = ['add element', forwardTable(bridge), mapOf(protocol, forward.address), element];
  await networkTool('nft', [words.join(' ')], doing, { signal });
}

/** Has it lead nowhere; one that did not lead anywhere is no error. */
export async function leadFromHostNoMore(
  bridge: string,
  forward: Omit<BridgeForward, 'guest'>,
  signal?: AbortSignal,
): Promise<void> {
  const map = mapOf(forward.protocol, forward.address);
  const words = ['delete element', forwardTable(bridge), map, `{ ${keyOf(forward)} }`];
  await networkTool('nft', [words.join(' ')], 'end a forward', { signal, okExitCodes: [0, 1] });
}

/** The forwards of all bridges of this host. */
export async function forwardsFromHost(signal?: AbortSignal): Promise<FoundForward[]> {
  const args = ['--json', 'list', 'maps', 'ip'];
  const { stdout } = await networkTool('nft', args, 'look at what is forwarded', { signal });
  const { nftables } = parseJson(stdout) as { nftables?: readonly unknown[] };
  return (nftables ?? []).flatMap((item) => forwardsIn((item as { map?: ListedMap }).map));
}

interface ListedMap {
  readonly table: string;
  readonly name: string;
  readonly elem?: readonly (readonly [key: unknown, value: unknown])[];
}

function forwardsIn(map: ListedMap | undefined): FoundForward[] {
  const [, bridge] = TABLE.exec(map?.table ?? '') ?? [];
  const protocol = PROTOCOLS.find((one) => map?.name.startsWith(one));
  if (map?.elem === undefined || bridge === undefined || protocol === undefined) return [];
  return map.elem.map(([key, value]) => {
    const [address, port] = typeof key === 'number' ? [ANYWHERE, key] : pairOf(key);
    const [guest, guestPort] = pairOf(value);
    return { bridge, protocol, address, port, guest: { address: guest, port: guestPort } };
  });
}

function pairOf(value: unknown): [string, number] {
  return (value as { concat: [string, number] }).concat;
}

/** The host's own packets come from its loopback, which leads to no other interface by itself. */
async function letLoopbackOut(bridge: string, doing: string): Promise<void> {
  const path = `/proc/sys/net/ipv4/conf/${bridge}/route_localnet`;
  try {
    await writeFile(path, '1\n');
  } catch (error) {
    throw new MultipassError('NETWORK_FAILED', `cannot ${doing} ("${path}")`, {
      hint: 'Name an address of this host in the forward, or run on the host, outside of the container.',
      details: { path, errno: errnoOf(error) },
      cause: error,
    });
  }
}

/** The table is there, with its rules as they are now; its maps keep what they hold. */
function tableScript({ bridge, subnet }: BridgeRecord): string {
  const table = forwardTable(bridge);
  const inside = subnet.toString();
  const maps = PROTOCOLS.flatMap((protocol) => [
    `add map ${table} ${protocol}_ports { type ipv4_addr . inet_service : ipv4_addr . inet_service; }`,
    `add map ${table} ${protocol}_anywhere { type inet_service : ipv4_addr . inet_service; }`,
  ]);
  const lead = PROTOCOLS.flatMap((protocol) => [
    `dnat ip addr . port to ip daddr . ${protocol} dport map @${protocol}_ports`,
    `fib daddr type local dnat ip addr . port to ${protocol} dport map @${protocol}_anywhere`,
  ]);
  const chains: [name: string, hook: string, rules: readonly string[]][] = [
    // What the host's loopback leads to is nobody's business on the bridge.
    [
      'guard',
      'filter hook prerouting priority -300',
      [`iifname "${bridge}" ip daddr 127.0.0.0/8 drop`],
    ],
    ['incoming', 'nat hook prerouting priority -100', lead],
    ['own', 'nat hook output priority -100', lead],
    [
      'outgoing',
      'nat hook postrouting priority 99',
      [
        `oifname "${bridge}" ct status dnat ip saddr 127.0.0.0/8 masquerade`,
        // A guest that asks for another one by the host's port: the answer has to come back this way.
        `oifname "${bridge}" ct status dnat ip saddr ${inside} masquerade`,
      ],
    ],
  ];
  const made = chains.flatMap(([name, hook, rules]) => [
    `add chain ${table} ${name} { type ${hook}; }`,
    `flush chain ${table} ${name}`,
    ...rules.map((rule) => `add rule ${table} ${name} ${rule}`),
  ]);
  return [`add table ${table}`, ...maps, ...made].join('\n');
}

function mapOf(protocol: BridgeForward['protocol'], address: string): string {
  return `${protocol}_${address === ANYWHERE ? 'anywhere' : 'ports'}`;
}

function keyOf({ address, port }: Pick<BridgeForward, 'address' | 'port'>): string {
  return address === ANYWHERE ? String(port) : `${address} . ${port}`;
}
