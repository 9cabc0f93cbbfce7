import { readBridgeRecord } from '../../net/bridge/bridge-record.js';
import { knownGuests } from '../../net/bridge/known-guests.js';
import { parseLeases, readLeases } from '../../net/leases.js';
import type { StoreLayout } from '../../store/layout.js';
import { listInstances } from '../list-instances.js';
import { readSettings, type Environment } from '../settings/settings.js';
import type { NetworkMode } from '../settings/store-settings.js';
import { problemWithShared } from './choose-network.js';
import { partsOfShared } from '../network/shared-damage.js';

/** A guest of the shared network. */
export interface NetworkGuest {
  /** Name of the instance; null when none has that MAC address by now. */
  readonly instance: string | null;
  /** Of its card in that network. */
  readonly mac: string;
  /** IPv4. */
  readonly address: string;
  /** What it calls itself, by which others find it; null before it has asked for its address. */
  readonly hostname: string | null;
}

/** What there is of the network that the instances of a store share. */
export interface NetworkStatus {
  /** As it is set. */
  readonly mode: NetworkMode;
  /** Why this host can have no shared network, and what to do; null when it can. */
  readonly problem: {
    /** What it lacks. */
    readonly why: string;
    /** What to do, in an imperative sentence. */
    readonly hint: string;
  } | null;
  /** Whether there is one now. */
  readonly state: 'none' | 'up' | 'damaged';
  /** What is damaged: the next instance that starts mends it. */
  readonly damage: readonly string[];
  /** Name of the bridge and its subnet; null before first use. They stay when the network is down. */
  readonly bridge: string | null;
  /** In CIDR notation. */
  readonly subnet: string | null;
  /** Pids, for the host: null for what does not live. */
  readonly processes: {
    /** Of what holds its namespaces. */
    readonly holder: number | null;
    /** Of its DHCP and DNS server. */
    readonly dnsmasq: number | null;
    /** Of its way to the outside. */
    readonly way_out: number | null;
  };
  /** Who is on it. */
  readonly guests: readonly NetworkGuest[];
}

/**
 * Looks at the shared network of a store, and changes nothing.
 * @throws MultipassError RECORD_INVALID, PERMISSION_DENIED, ABORTED
 */
export async function networkStatus(
  layout: StoreLayout,
  { env, signal }: { readonly env: Environment; readonly signal?: AbortSignal | undefined },
): Promise<NetworkStatus> {
  const { network: mode } = readSettings(layout, env);
  const folder = layout.sharedNetwork;
  const problem = (await problemWithShared(layout, signal)) ?? null;
  const record = readBridgeRecord(folder);
  const { inside, holder, dnsmasq, wayOut, damage } = partsOfShared(layout);
  return {
    mode,
    problem,
    state: damage.length > 0 ? 'damaged' : inside === undefined ? 'none' : 'up',
    damage,
    bridge: record?.bridge ?? null,
    subnet: record?.subnet.toString() ?? null,
    processes: { holder: holder ?? null, dnsmasq: dnsmasq ?? null, way_out: wayOut ?? null },
    guests: await guestsOf(layout),
  };
}

async function guestsOf(layout: StoreLayout): Promise<NetworkGuest[]> {
  const folder = layout.sharedNetwork;
  const names = new Map<string, string>();
  for (const view of await listInstances(layout)) {
    const cards = view.state === 'Broken' ? [] : view.spec.interfaces;
    for (const { mac } of cards) names.set(mac.toString(), view.name);
  }
  const leases = parseLeases(readLeases(folder));
  return knownGuests(folder).map(({ mac, address }) => ({
    instance: names.get(mac.toString()) ?? null,
    mac: mac.toString(),
    address,
    hostname: leases.find((lease) => lease.mac.equals(mac))?.hostname ?? null,
  }));
}
