import { forgetLease } from '../../net/bridge/forget-lease.js';
import { removeBridgeIfIdle } from '../../net/bridge/remove-bridge.js';
import { MacAddress } from '../../net/mac-address.js';
import type { StoreLayout } from '../../store/layout.js';
import { MacTable } from '../../store/mac-table.js';
import type { BridgedCard } from '../records/machine-record.js';
import { aloneOnNetwork } from './network-lock.js';
import { dnsOptions, endSharedIfIdle, sharedPlace } from './shared-network.js';

/**
 * Removes the networks that a machine was on when it was the last one there.
 * @param ended the cards of a machine that has ended, which the kernel may be about to unplug
 * @param meant networks that it was to be on, whether it ever was or not
 * @throws MultipassError NETWORK_FAILED, NETWORK_UNAVAILABLE, RECORD_INVALID; the next call goes on with it
 */
export async function networkDownIfIdle(
  layout: StoreLayout,
  ended: readonly BridgedCard[],
  ...meant: ('host' | 'shared')[]
): Promise<void> {
  const kinds = new Set([...meant, ...ended.map(({ within }) => within)]);
  const taps = ended.filter(({ within }) => within === 'host').map(({ tap }) => tap);
  await aloneOnNetwork(layout, undefined, async () => {
    if (kinds.has('shared')) await endSharedIfIdle(layout);
    if (kinds.has('host')) await removeBridgeIfIdle({ folder: layout.network, ended: taps });
  });
}

/**
 * Gives the addresses of cards that are gone for good back to their network's pool. Those whose MAC address an instance
 * has are not: the folder that is gone was a copy of it, or its records were somebody else's.
 */
export async function forgetLeases(
  layout: StoreLayout,
  cards: readonly BridgedCard[],
): Promise<void> {
  const table = new MacTable(layout);
  await aloneOnNetwork(layout, undefined, async () => {
    for (const { mac: text, within } of cards) {
      const mac = MacAddress.parse(text);
      if (table.owner(mac.toHex()) !== undefined) continue;
      if (within === 'host') await forgetLease({ folder: layout.network, mac });
      else await forgetLease({ ...sharedFolder(layout), mac });
    }
  });
}

function sharedFolder(layout: StoreLayout) {
  return { ...sharedPlace(layout), folder: layout.sharedNetwork, options: dnsOptions() };
}
