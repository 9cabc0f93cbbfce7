import { networkTool } from '../bridge/network-tool.js';
import type { NetPlace } from '../net-place.js';
import { WAY_OUT_LINK } from './way-out.js';

const TABLE = 'ip multipass_ts_forward';

/** What comes in by the way out, at a port of the network's own address, goes on to a guest. */
export interface InnerForward {
  readonly protocol: 'tcp' | 'udp';
  /** Of the network's own address. */
  readonly innerPort: number;
  readonly guest: { readonly address: string; readonly port: number };
}

/** The table is there, and empty at first: for each protocol a map of ports, and a rule that goes by it. */
const MAKE = (['tcp', 'udp'] as const)
  .map(
    (protocol) =>
      `add map ${TABLE} ${mapOf(protocol)} { type inet_service : ipv4_addr . inet_service; }\n` +
      `add rule ${TABLE} in iifname "${WAY_OUT_LINK}" ` +
      `dnat ip addr . port to ${protocol} dport map @${mapOf(protocol)}\n`,
  )
  .join('');

/**
 * Has a port lead on to a guest, in place of wherever it led before. By nftables.
 * @throws MultipassError NETWORK_FAILED, ABORTED
 */
export async function leadOn(forward: InnerForward, place: NetPlace): Promise<void> {
  const { protocol, innerPort, guest } = forward;
  const doing = `forward port ${guest.port} of ${guest.address}`;
  const script =
    `add table ${TABLE}\n` +
    `add chain ${TABLE} in { type nat hook prerouting priority -100; }\n` +
    `flush chain ${TABLE} in\n` +
    MAKE;
  await networkTool('nft', [script], doing, place);
  await leadNowhere(forward, place);
  const element = `{ ${innerPort} : ${guest.address} . ${guest.port} }`;
  await networkTool('nft', [`add element ${TABLE} ${mapOf(protocol)} ${element}`], doing, place);
}

/** Has a port lead nowhere; one that did not lead anywhere is no error. */
export async function leadNowhere(
  { protocol, innerPort }: Pick<InnerForward, 'protocol' | 'innerPort'>,
  place: NetPlace,
): Promise<void> {
  const script = `delete element ${TABLE} ${mapOf(protocol)} { ${innerPort} }`;
  await networkTool('nft', [script], 'end a forward', { ...place, okExitCodes: [0, 1] });
}

/** The name of a protocol alone is a word of the language. */
function mapOf(protocol: InnerForward['protocol']): string {
  return `${protocol}_ports`;
}
