/**
 * The network that the instances of a store share without root: a namespace with a bridge, dnsmasq and firewall as in
 * bridge mode, and a slirp4netns as its way out. No process of ours keeps it. Every machine on it holds a shared lock
 * (flock) on a file; a flock(1) in the namespace waits for the exclusive one, and ends all of it when it has it:
 * however the last machine came to its end. What is up and what is not is looked at each time, and never kept in
 * a file.
 */
import { rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { geteuid } from 'node:process';
import { makeFolder } from '../../files/make-folder.js';
import {
  newBridgeRecord,
  readBridgeRecord,
  withFreshSubnet,
  type BridgeRecord,
} from '../../net/bridge/bridge-record.js';
import { ensureDnsmasq } from '../../net/bridge/dnsmasq.js';
import { findDnsmasq, stopDnsmasq } from '../../net/bridge/dnsmasq-process.js';
import { knownGuests } from '../../net/bridge/known-guests.js';
import { hostSubnets } from '../../net/host-subnets.js';
import type { NetPlace } from '../../net/net-place.js';
import { placeInside } from '../../net/shared/enter.js';
import { SHARED_FILES } from '../../net/shared/shared-files.js';
import { namesOptions, WAY_OUT_SUBNET } from '../../net/shared/way-out.js';
import { sendSignal } from '../../process/send-signal.js';
import { takeKernelLock } from '../../store/kernel-lock.js';
import type { StoreLayout } from '../../store/layout.js';
import { aloneOnNetwork } from './network-lock.js';
import { findHolder, findInside, startHolder } from './shared-holder.js';
import { endWayOut, ensureWayOut } from './shared-way-out.js';

/** The shared network of a store, which is up for as long as this is open, or a machine has its lock. */
export interface SharedNetwork extends AsyncDisposable {
  readonly record: BridgeRecord;
  /** Where programs work that change it. */
  readonly place: NetPlace & { readonly inside: number };
  /** The open file that keeps it up: who has it handed on does so, too. */
  readonly alive: FileHandle;
  /** Whether its way out was started just now: no port is forwarded. */
  readonly isWayOutNew: boolean;
}

/** How it is opened. */
export interface OpenSharedRequest {
  readonly layout: StoreLayout;
  /** Whether guests may reach what listens on the host's loopback; it counts when the way out is made. */
  readonly hostLoopback: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** What dnsmasq is told in a shared network, besides what it is told on a host's bridge. */
export function dnsOptions(): string[] {
  return namesOptions(geteuid?.() === 0);
}

/**
 * The store's shared network, made when it is not up, and mended where some of it has died. Its name and subnet are
 * chosen at first use and kept, so that addresses stay; only when it is down, and the host has got its subnet, it takes
 * another.
 * @throws MultipassError NETWORK_UNAVAILABLE, NETWORK_FAILED, RECORD_INVALID, TOOL_MISSING, ABORTED. What is half made
 *   goes when this process ends, or is finished by the next call
 */
export async function openShared(request: OpenSharedRequest): Promise<SharedNetwork> {
  const { layout, signal } = request;
  const folder = layout.sharedNetwork;
  return await aloneOnNetwork(layout, signal, async () => {
    await makeFolder(folder);
    // Not granted while the network is being ended: then all of it goes before a new one is made.
    const alive = await takeAlive(layout, 'shared', { wait: true, signal });
    if (alive === undefined) throw new Error('a lock that is waited for is taken');
    try {
      const known = readBridgeRecord(folder);
      const inside = known === undefined ? undefined : findInside(layout, known.bridge);
      const record = await settledRecord(folder, known, inside);
      const holder = await ensureHolder(layout, record, inside);
      const place = placeInside(holder, signal);
      const [isWayOutNew] = await Promise.all([
        ensureWayOut(layout, { holder, hostLoopback: request.hostLoopback }),
        serveShared({ layout, record, place }),
      ]);
      return {
        record,
        place,
        alive,
        isWayOutNew,
        [Symbol.asyncDispose]: async () => await alive.close(),
      };
    } catch (error) {
      await alive.close();
      throw error;
    }
  });
}

/** dnsmasq serves all known guests. */
export async function serveShared({
  layout,
  record,
  place,
}: {
  readonly layout: StoreLayout;
  readonly record: BridgeRecord;
  readonly place: NetPlace;
}): Promise<void> {
  const folder = layout.sharedNetwork;
  const guests = knownGuests(folder);
  await ensureDnsmasq({ ...place, folder, record, guests, options: dnsOptions() });
}

/** Where programs work that look at the shared network of a store; undefined when it is not up. */
export function sharedPlace(
  layout: StoreLayout,
  signal?: AbortSignal,
): ReturnType<typeof placeInside> | undefined {
  const record = readBridgeRecord(layout.sharedNetwork);
  const inside = record === undefined ? undefined : findInside(layout, record.bridge);
  return inside === undefined ? undefined : placeInside(inside, signal);
}

/**
 * Ends the shared network when no machine is on it; what the process that waits for that has done is no trouble. The
 * caller holds the lock of the networks.
 * @returns false when it is in use, or is being ended
 */
export async function endSharedIfIdle(layout: StoreLayout): Promise<boolean> {
  const folder = layout.sharedNetwork;
  const record = readBridgeRecord(folder);
  if (record === undefined) return true;
  const alive = await takeAlive(layout, 'exclusive', { wait: false });
  if (alive === undefined) return false;
  try {
    const inside = findInside(layout, record.bridge);
    const holder = findHolder(layout);
    const dnsmasq = inside === undefined ? undefined : findDnsmasq(folder, record.bridge, inside);
    if (dnsmasq !== undefined) await stopDnsmasq(dnsmasq);
    await endWayOut(layout);
    if (holder !== undefined) sendSignal(holder, 'SIGKILL');
    const { holder: pid, wayOut, wayOutSocket, leash } = SHARED_FILES;
    for (const file of [pid, wayOut, wayOutSocket, leash, 'dnsmasq.pid']) {
      await rm(join(folder, file), { force: true });
    }
    return true;
  } finally {
    await alive.close();
  }
}

async function takeAlive(
  { sharedNetwork }: StoreLayout,
  mode: 'shared' | 'exclusive',
  { wait, signal }: { readonly wait: boolean; readonly signal?: AbortSignal | undefined },
): Promise<FileHandle | undefined> {
  const path = join(sharedNetwork, SHARED_FILES.alive);
  return await takeKernelLock(path, { mode, wait, signal });
}

async function settledRecord(
  folder: string,
  record: BridgeRecord | undefined,
  inside: number | undefined,
): Promise<BridgeRecord> {
  if (record === undefined) return await newBridgeRecord(folder, [WAY_OUT_SUBNET]);
  if (inside !== undefined) return record;
  const isTaken = hostSubnets().some((subnet) => subnet.overlaps(record.subnet));
  return isTaken ? await withFreshSubnet(folder, record, [WAY_OUT_SUBNET]) : record;
}

async function ensureHolder(
  layout: StoreLayout,
  record: BridgeRecord,
  inside: number | undefined,
): Promise<number> {
  const holder = findHolder(layout);
  if (holder !== undefined && holder === inside) return holder;
  // It ends with the holder that was, in a moment.
  await endWayOut(layout);
  return await startHolder(layout, record, inside);
}
