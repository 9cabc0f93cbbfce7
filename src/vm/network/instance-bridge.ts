import { makeFolder } from '../../files/make-folder.js';
import { MultipassError } from '../../errors.js';
import { admitToBridge, ensureBridge } from '../../net/bridge/ensure-bridge.js';
import { removeBridgeIfIdle } from '../../net/bridge/remove-bridge.js';
import { forgetLease } from '../../net/bridge/forget-lease.js';
import { layCable } from '../../net/bridge/cable.js';
import { plugIn } from '../../net/bridge/tap.js';
import { MacAddress } from '../../net/mac-address.js';
import { hostNetworks } from '../../net/bridge/host-networks.js';
import type { Card } from '../../qemu/machine.js';
import { takeKernelLock } from '../../store/kernel-lock.js';
import type { StoreLayout } from '../../store/layout.js';
import { MacTable } from '../../store/mac-table.js';
import type { BridgedCard } from '../records/machine-record.js';

/**
 * Sets the store's bridge up, or what is gone of it.
 * @returns its name
 * @throws MultipassError NETWORK_UNAVAILABLE, NETWORK_FAILED, ABORTED
 */
export async function bridgeUp(layout: StoreLayout, signal?: AbortSignal): Promise<string> {
  return await alone(layout, signal, async () => {
    return (await ensureBridge({ folder: layout.network, signal })).bridge;
  });
}

/**
 * Lays a cable for each card of a machine that is to be on a bridge, to a QEMU with a network namespace of its own.
 * @param pid of the process that becomes it
 * @throws MultipassError NETWORK_FAILED, NETWORK_UNAVAILABLE, ABORTED
 */
export async function layCables(
  cards: readonly Card[],
  pid: number,
  signal?: AbortSignal,
): Promise<void> {
  for (const [index, { backend }] of cards.entries()) {
    if (backend.kind === 'tap') await layCable({ tap: backend.tap, pid, index, signal });
  }
}

/**
 * Plugs the taps of a machine that is about to run into their bridges; our own one is set up again first, for it may
 * have been removed with its last tap since.
 * @throws MultipassError NETWORK_NOT_FOUND, NETWORK_FAILED, ABORTED
 */
export async function plugCards(
  layout: StoreLayout,
  cards: readonly Card[],
  signal?: AbortSignal,
): Promise<void> {
  const taps = cards.flatMap(({ mac, backend }) =>
    backend.kind === 'tap' ? [{ ...backend, mac: MacAddress.parse(mac) }] : [],
  );
  if (taps.length === 0) return;
  await alone(layout, signal, async () => {
    const own = await ensureBridge({ folder: layout.network, signal });
    const guests = taps.filter(({ bridge }) => bridge === own.bridge);
    await admitToBridge({ folder: layout.network, guests, signal });
    const others = taps.filter(({ bridge }) => bridge !== own.bridge);
    if (others.length > 0) await requireBridges(others.map(({ bridge }) => bridge));
    for (const { tap, bridge } of taps) await plugIn({ tap, bridge });
  });
}

/**
 * Removes the store's bridge when nothing is plugged into it.
 * @param ended the cards of a machine that has ended, which the kernel may be about to unplug
 */
export async function bridgeDownIfIdle(
  layout: StoreLayout,
  ended: readonly BridgedCard[],
): Promise<void> {
  await alone(layout, undefined, async () => {
    await removeBridgeIfIdle({ folder: layout.network, ended: ended.map(({ tap }) => tap) });
  });
}

/**
 * Gives the addresses of cards that are gone for good back to the bridge's pool. Those whose MAC address an instance
 * has are not: the folder that is gone was a copy of it, or its records were somebody else's.
 */
export async function forgetLeases(
  layout: StoreLayout,
  cards: readonly BridgedCard[],
): Promise<void> {
  const table = new MacTable(layout);
  await alone(layout, undefined, async () => {
    for (const mac of cards.map((card) => MacAddress.parse(card.mac))) {
      if (table.owner(mac.toHex()) !== undefined) continue;
      await forgetLease({ folder: layout.network, mac });
    }
  });
}

/** @throws MultipassError NETWORK_NOT_FOUND for a name that is no bridge of the host */
export async function requireBridges(names: readonly string[]): Promise<void> {
  const networks = await hostNetworks();
  for (const name of names) {
    const found = networks.find((network) => network.name === name);
    if (found?.type === 'bridge') continue;
    const what =
      found === undefined ? 'does not exist' : `is of type "${found.type}", not a bridge`;
    throw new MultipassError('NETWORK_NOT_FOUND', `the network "${name}" ${what}`, {
      hint: 'See `multipass networks`; make a bridge on top of a card with `ip link add … type bridge`.',
      details: { network: name },
    });
  }
}

/** One process of all changes the host's network at a time. */
async function alone<T>(
  layout: StoreLayout,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  await makeFolder(layout.network);
  const lock = await takeKernelLock(layout.networkLock, { mode: 'exclusive', wait: true, signal });
  try {
    return await work();
  } finally {
    await lock?.close();
  }
}
