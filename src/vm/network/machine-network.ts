import { admitToBridge, ensureBridge } from '../../net/bridge/ensure-bridge.js';
import { layCable } from '../../net/bridge/cable.js';
import { layLoneTap } from '../../net/bridge/lone-tap.js';
import { plugIn } from '../../net/bridge/tap.js';
import { hostNetworks } from '../../net/bridge/host-networks.js';
import { MultipassError } from '../../errors.js';
import { MacAddress } from '../../net/mac-address.js';
import type { NetPlace } from '../../net/net-place.js';
import type { Card, LoneCard } from '../../qemu/machine.js';
import type { StoreLayout } from '../../store/layout.js';
import { aloneOnNetwork } from './network-lock.js';
import type { NetworkKind } from './network-kind.js';
import { plugIntoShared } from './shared-cards.js';
import { openShared, type SharedNetwork } from './shared-network.js';

/** The network that a machine which is about to run is plugged into. It is up until this is closed, or longer. */
export class MachineNetwork implements AsyncDisposable {
  readonly kind: NetworkKind;
  /** Name of the store's bridge; null for QEMU's own network. */
  readonly bridge: string | null;
  readonly #layout: StoreLayout;
  readonly #shared: SharedNetwork | undefined;

  private constructor(
    layout: StoreLayout,
    kind: NetworkKind,
    { bridge, shared }: { readonly bridge: string | null; readonly shared?: SharedNetwork },
  ) {
    this.#layout = layout;
    this.kind = kind;
    this.bridge = bridge;
    this.#shared = shared;
  }

  /**
   * Brings a network of that kind up, or what is gone of it.
   * @throws MultipassError NETWORK_UNAVAILABLE, NETWORK_FAILED, RECORD_INVALID, TOOL_MISSING, ABORTED
   */
  static async open(
    layout: StoreLayout,
    kind: NetworkKind,
    {
      hostLoopback,
      signal,
    }: { readonly hostLoopback: boolean; readonly signal?: AbortSignal | undefined },
  ): Promise<MachineNetwork> {
    switch (kind) {
      case 'user':
        return new MachineNetwork(layout, kind, { bridge: null });
      case 'host': {
        const bridge = await bridgeUp(layout, signal);
        return new MachineNetwork(layout, kind, { bridge });
      }
      case 'shared': {
        const shared = await openShared({ layout, hostLoopback, signal });
        return new MachineNetwork(layout, kind, { bridge: shared.record.bridge, shared });
      }
    }
  }

  /** The words that run a program where the network is; none for the host's. */
  get through(): readonly string[] {
    return this.#shared?.place.through ?? [];
  }

  /** Whether the way out was made just now: no port is forwarded by it. */
  get isWayOutNew(): boolean {
    return this.#shared?.isWayOutNew ?? false;
  }

  /** An open file that a machine on the network has to hold; undefined where nothing is to be held. */
  get alive(): number | undefined {
    return this.#shared?.alive.fd;
  }

  /**
   * Lays a cable for each card of a machine that is to be on a bridge, to a QEMU with a network namespace of its own.
   * @param pid of the process that becomes it
   * @throws MultipassError NETWORK_FAILED, NETWORK_UNAVAILABLE, ABORTED
   */
  async layCables(cards: readonly Card[], pid: number, signal?: AbortSignal): Promise<void> {
    const place: NetPlace = { ...this.#shared?.place, signal };
    for (const [index, { backend }] of cards.entries()) {
      if (backend.kind === 'tap') await layCable({ ...place, tap: backend.tap, pid, index });
    }
  }

  /**
   * Makes the taps of a machine whose guest is to be alone at first.
   * @param pid as of {@link layCables}
   * @throws MultipassError NETWORK_FAILED, NETWORK_UNAVAILABLE, ABORTED
   */
  async layLoneTaps(cards: readonly LoneCard[], pid: number, signal?: AbortSignal): Promise<void> {
    const place: NetPlace = { ...this.#shared?.place, signal };
    for (const [index, { tap, address }] of cards.entries()) {
      if (tap !== null) await layLoneTap({ ...place, pid, index, address });
    }
  }

  /** The words that run a program in the network namespace of a machine of its own. @param pid of its QEMU */
  intoMachine(pid: number): readonly string[] {
    return [...this.through, 'nsenter', '--target', String(pid), '--net', '--'];
  }

  /**
   * Plugs the taps of a machine that is about to run into their bridges; the host's own one is set up again first, for
   * it may have been removed with its last tap since.
   * @throws MultipassError NETWORK_NOT_FOUND, NETWORK_FAILED, ABORTED
   */
  async plug(cards: readonly Card[], signal?: AbortSignal): Promise<void> {
    if (this.#shared === undefined) await plugIntoHost(this.#layout, cards, signal);
    else await plugIntoShared(this.#layout, this.#shared, cards, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#shared?.[Symbol.asyncDispose]();
  }
}

async function bridgeUp(layout: StoreLayout, signal?: AbortSignal): Promise<string> {
  return await aloneOnNetwork(layout, signal, async () => {
    return (await ensureBridge({ folder: layout.network, signal })).bridge;
  });
}

async function plugIntoHost(
  layout: StoreLayout,
  cards: readonly Card[],
  signal?: AbortSignal,
): Promise<void> {
  const taps = cards.flatMap(({ mac, backend }) =>
    backend.kind === 'tap' ? [{ ...backend, mac: MacAddress.parse(mac) }] : [],
  );
  if (taps.length === 0) return;
  await aloneOnNetwork(layout, signal, async () => {
    const own = await ensureBridge({ folder: layout.network, signal });
    const guests = taps.filter(({ bridge }) => bridge === own.bridge);
    await admitToBridge({ folder: layout.network, guests, signal });
    const others = taps.filter(({ bridge }) => bridge !== own.bridge);
    if (others.length > 0) await requireBridges(others.map(({ bridge }) => bridge));
    for (const { tap, bridge } of taps) await plugIn({ tap, bridge });
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
