import { hasCode, type MultipassError } from '../../errors.js';
import { knownGuests } from '../../net/bridge/known-guests.js';
import { isListening } from '../../net/listeners.js';
import { leadNowhere, leadOn } from '../../net/shared/forward-table.js';
import { SHARED_FILES } from '../../net/shared/shared-files.js';
import {
  addHostForward,
  listHostForwards,
  removeHostForward,
  type HostForward,
} from '../../net/shared/slirp-api.js';
import type { StoreLayout } from '../../store/layout.js';
import { aloneOnNetwork } from '../network/network-lock.js';
import { sharedPlace } from '../network/shared-network.js';
import { findWayOut } from '../network/shared-way-out.js';
import type { Forward } from '../records/forward.js';
import { LAST_PORT } from '../records/forward.js';
import { placeOf, whyNot } from './forward-errors.js';
import type { ForwardWay, RefusedForward } from './forward-way.js';

/**
 * Into an instance on the network that instances share: the way out listens, and leads to a port of the network's own
 * address, from which nftables leads on to the guest.
 * @param mac of its first card
 */
export function sharedWay(layout: StoreLayout, mac: string, signal?: AbortSignal): ForwardWay {
  const folder = layout.sharedNetwork;
  const slirp = { folder, socket: SHARED_FILES.wayOutSocket };
  const isActive = (forward: Forward): boolean => {
    const pid = findWayOut(layout);
    return pid !== undefined && isListening(pid, placeOf(forward));
  };
  const make = async (forward: Forward): Promise<MultipassError | undefined> => {
    const place = sharedPlace(layout, signal);
    const address = knownGuests(folder).find((guest) => guest.mac.toString() === mac)?.address;
    if (place === undefined || address === undefined) return undefined;
    const there = await listHostForwards(slirp);
    const old = there.find(isSame(forward));
    // slirp4netns says no more than that it could not.
    const problem = old === undefined ? await whyNot(forward) : undefined;
    if (problem !== undefined) return problem;
    const { protocol, hostPort } = forward;
    const innerPort = old?.innerPort ?? freePort(hostPort, there);
    const guest = { address, port: forward.guestPort };
    await leadOn({ protocol, innerPort, guest }, place);
    if (old === undefined) await addHostForward(slirp, { ...forward, innerPort });
    return undefined;
  };
  return {
    apply: async (forwards) =>
      await aloneOnNetwork(layout, signal, async () => {
        const refused: RefusedForward[] = [];
        for (const forward of forwards) {
          try {
            const error = await make(forward);
            if (error !== undefined) refused.push({ forward, error });
          } catch (error) {
            if (!hasCode(error, 'NETWORK_FAILED')) throw error;
            refused.push({ forward, error });
          }
        }
        return refused;
      }),

    remove: async (forwards) => {
      if (!forwards.some(isActive)) return;
      await aloneOnNetwork(layout, signal, async () => {
        const place = sharedPlace(layout, signal);
        for (const found of await listHostForwards(slirp)) {
          if (!forwards.some((forward) => isSame(forward)(found))) continue;
          await removeHostForward(slirp, found.id);
          const protocol = found.protocol === 'udp' ? 'udp' : 'tcp';
          if (place !== undefined) await leadNowhere({ ...found, protocol }, place);
        }
      });
    },

    active: (forwards) => Promise.resolve(forwards.filter(isActive)),
  };
}

function isSame({ protocol, address, hostPort }: Forward) {
  return (found: HostForward): boolean =>
    found.protocol === protocol && found.address === address && found.hostPort === hostPort;
}

/** The same number where it can be: two addresses of the host may have that port. */
function freePort(wanted: number, taken: readonly HostForward[]): number {
  for (let port = wanted; ; port = port === LAST_PORT ? 1 : port + 1) {
    if (!taken.some(({ innerPort }) => innerPort === port)) return port;
  }
}
