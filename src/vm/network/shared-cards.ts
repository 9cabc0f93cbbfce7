import { admitGuests, knownGuests } from '../../net/bridge/known-guests.js';
import { networkProgram, networkTool } from '../../net/bridge/network-tool.js';
import { pinScript } from '../../net/bridge/pin-table.js';
import { MacAddress } from '../../net/mac-address.js';
import type { Card } from '../../qemu/machine.js';
import type { StoreLayout } from '../../store/layout.js';
import { aloneOnNetwork } from './network-lock.js';
import { serveShared, type SharedNetwork } from './shared-network.js';

/** One program does it all: a start waits for it. Without the first the guests could claim any address. */
const PIN_AND_PLUG = `
nft=$1 ip=$2 bridge=$3 pins=$4
shift 4
"$nft" "$pins" || echo "guests of $bridge can claim any address" >&2
for tap; do "$ip" link set dev "$tap" master "$bridge" up || exit; done`;

/**
 * Plugs the taps of a machine into the store's shared network: each card has its own address there, which is kept, and
 * can have no other.
 * @throws MultipassError NETWORK_FAILED, also when all addresses are given away; RECORD_INVALID, ABORTED
 */
export async function plugIntoShared(
  layout: StoreLayout,
  { record, place }: SharedNetwork,
  cards: readonly Card[],
  signal?: AbortSignal,
): Promise<void> {
  const guests = cards.flatMap(({ mac, backend }) =>
    backend.kind === 'tap' ? [{ tap: backend.tap, mac: MacAddress.parse(mac) }] : [],
  );
  if (guests.length === 0) return;
  const { bridge, subnet } = record;
  const folder = layout.sharedNetwork;
  await aloneOnNetwork(layout, signal, async () => {
    await admitGuests(folder, subnet, guests);
    await serveShared({ layout, record, place });
    const pins = pinScript(record, knownGuests(folder));
    const words = [networkProgram('nft'), networkProgram('ip'), bridge, pins];
    const taps = guests.map(({ tap }) => tap);
    const args = ['-c', PIN_AND_PLUG, 'sh', ...words, ...taps];
    await networkTool('/bin/sh', args, `plug "${taps.join('", "')}" into "${bridge}"`, place);
  });
}
