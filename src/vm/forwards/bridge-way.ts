import { MultipassError } from '../../errors.js';
import { readBridgeRecord } from '../../net/bridge/bridge-record.js';
import {
  forwardsFromHost,
  leadFromHost,
  leadFromHostNoMore,
  type FoundForward,
} from '../../net/bridge/forward-table.js';
import { knownGuests } from '../../net/bridge/known-guests.js';
import type { StoreLayout } from '../../store/layout.js';
import { aloneOnNetwork } from '../network/network-lock.js';
import type { Forward } from '../records/forward.js';
import { portText } from './forward-text.js';
import { whyNot } from './forward-errors.js';
import type { ForwardWay, RefusedForward } from './forward-way.js';

/**
 * Into an instance on the store's bridge of the host: by the host's firewall, so that no program of ours has to live
 * for it.
 * @param mac of its first card
 */
export function bridgeWay(layout: StoreLayout, mac: string, signal?: AbortSignal): ForwardWay {
  const folder = layout.network;
  const target = (): { bridge: string; address: string } | undefined => {
    const record = readBridgeRecord(folder);
    const guest = knownGuests(folder).find((one) => one.mac.toString() === mac);
    if (record === undefined || guest === undefined) return undefined;
    return { bridge: record.bridge, address: guest.address };
  };
  const activeOf = async (forwards: readonly Forward[]): Promise<Forward[]> => {
    const to = target();
    if (to === undefined) return [];
    const there = (await forwardsFromHost(signal)).filter(
      ({ bridge, guest }) => bridge === to.bridge && guest.address === to.address,
    );
    return forwards.filter((forward) =>
      there.some((found) => isAt(found, forward) && found.guest.port === forward.guestPort),
    );
  };
  const make = async (forward: Forward): Promise<MultipassError | undefined> => {
    const record = readBridgeRecord(folder);
    const address = target()?.address;
    if (record === undefined || address === undefined) return undefined;
    const { protocol, address: at, hostPort: port, guestPort } = forward;
    const others = (await forwardsFromHost(signal)).filter(
      ({ bridge }) => bridge !== record.bridge,
    );
    if (others.some((found) => collides(found, forward))) return takenByAnotherStore(forward);
    const problem = await whyNot(forward);
    if (problem !== undefined) return problem;
    const guest = { address, port: guestPort };
    await leadFromHost(record, { protocol, address: at, port, guest }, signal);
    return undefined;
  };
  return {
    apply: async (forwards) =>
      await aloneOnNetwork(layout, signal, async () => {
        const there = await activeOf(forwards);
        const refused: RefusedForward[] = [];
        for (const forward of forwards) {
          if (there.includes(forward)) continue;
          const error = await make(forward);
          if (error !== undefined) refused.push({ forward, error });
        }
        return refused;
      }),

    remove: async (forwards) => {
      const to = target();
      if (to === undefined) return;
      await aloneOnNetwork(layout, signal, async () => {
        for (const { protocol, address, hostPort: port } of await activeOf(forwards)) {
          await leadFromHostNoMore(to.bridge, { protocol, address, port }, signal);
        }
      });
    },

    active: activeOf,
  };
}

function isAt(found: FoundForward, { protocol, address, hostPort }: Forward): boolean {
  return found.protocol === protocol && found.address === address && found.port === hostPort;
}

function collides(found: FoundForward, { protocol, address, hostPort }: Forward): boolean {
  const sameAddress = found.address === address || [found.address, address].includes('0.0.0.0');
  return found.protocol === protocol && found.port === hostPort && sameAddress;
}

function takenByAnotherStore(forward: Forward): MultipassError {
  const port = portText(forward);
  return new MultipassError('PORT_TAKEN', `${port} leads into an instance of another store`, {
    hint: 'Choose another port, or end the forward there.',
    details: { port },
  });
}
