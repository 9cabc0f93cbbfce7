import type { NetPlace } from '../net-place.js';
import { createHash } from 'node:crypto';
import { MultipassError } from '../../errors.js';
import { log } from '../../log.js';
import type { BridgeRecord } from './bridge-record.js';
import type { KnownGuest } from './known-guests.js';
import { networkTool } from './network-tool.js';

/**
 * Behind each tap of the bridge there is one MAC address and one IPv4 address, those of its instance: whatever else a
 * guest claims to be is dropped before the bridge sees it. It may ask for its address, and talk IPv6 on the link. By
 * nftables, in a table of the bridge's own, which is replaced as a whole whenever it is not what it should be.
 *
 * Where `nft` is missing, or the kernel has no such tables for bridges, that is logged as a warning: guests can claim
 * each other's addresses then.
 */
export async function ensurePins(
  { bridge }: BridgeRecord,
  guests: readonly KnownGuest[],
  place: NetPlace = {},
): Promise<void> {
  const table = tableOf(bridge);
  try {
    const listed = await networkTool('nft', ['list', 'table', ...table.split(' ')], 'look at it', {
      ...place,
      okExitCodes: [0, 1],
    });
    if (listed.stdout.includes(`comment "${markOf(bridge, guests)}"`)) return;
    const script = pinScript({ bridge }, guests);
    await networkTool('nft', [script], `pin the addresses on the bridge "${bridge}"`, place);
  } catch (error) {
    if (!(error instanceof MultipassError) || error.code === 'ABORTED') throw error;
    log('warning', 'network', `guests on "${bridge}" may claim any address: ${error.message}`);
  }
}

/** What nft is told: the table takes the place of any that was there. */
export function pinScript(
  { bridge }: Pick<BridgeRecord, 'bridge'>,
  guests: readonly KnownGuest[],
): string {
  const table = tableOf(bridge);
  const chain =
    `chain pin { type filter hook prerouting priority -300; ` +
    `iifname != @taps accept comment "${markOf(bridge, guests)}"; ${RULES.join('; ')}; }`;
  return `add table ${table}; delete table ${table}; table ${table} {\n${bodyOf(guests)}\n${chain}\n}`;
}

function markOf(bridge: string, guests: readonly KnownGuest[]): string {
  return `${bridge}:${createHash('sha256').update(bodyOf(guests)).digest('hex').slice(0, 16)}`;
}

/** The table is gone. */
export async function removePins(bridge: string, place: NetPlace = {}): Promise<void> {
  const table = tableOf(bridge);
  // Added first, because deleting what is not there is an error.
  const script = `add table ${table}; delete table ${table}`;
  await networkTool('nft', [script], `remove the pins of "${bridge}"`, place).catch(
    (error: unknown) => {
      if (!(error instanceof MultipassError) || error.code === 'ABORTED') throw error;
    },
  );
}

const RULES = [
  'iifname . ether saddr != @macs drop',
  // A probe, whether an address is in use: RFC 5227.
  'ether type arp arp saddr ip 0.0.0.0 accept',
  'ether type arp iifname . arp saddr ip != @addresses drop',
  'ether type ip ip saddr 0.0.0.0 udp dport 67 accept',
  'ether type ip iifname . ip saddr != @addresses drop',
  'ether type ip6 ip6 saddr != { fe80::/10, ::/128 } drop',
  'ether type != { arp, ip, ip6 } drop',
];

function bodyOf(guests: readonly KnownGuest[]): string {
  return [
    setOf(
      'taps',
      'ifname',
      guests.map(({ tap }) => `"${tap}"`),
    ),
    setOf(
      'macs',
      'ifname . ether_addr',
      guests.map(({ tap, mac }) => `"${tap}" . ${mac.toString()}`),
    ),
    setOf(
      'addresses',
      'ifname . ipv4_addr',
      guests.map(({ tap, address }) => `"${tap}" . ${address}`),
    ),
  ].join('\n');
}

function setOf(name: string, type: string, elements: readonly string[]): string {
  const list = elements.length === 0 ? '' : ` elements = { ${elements.join(', ')} };`;
  return `set ${name} { type ${type};${list} }`;
}

function tableOf(bridge: string): string {
  return `bridge multipass_ts_${bridge}`;
}
