import { readBridgeRecord } from '../../net/bridge/bridge-record.js';
import { findDnsmasq } from '../../net/bridge/dnsmasq-process.js';
import { WAY_OUT_LINK } from '../../net/shared/way-out.js';
import type { StoreLayout } from '../../store/layout.js';
import { findHolder, findInside, isInside } from './shared-holder.js';
import { findWayOut } from './shared-way-out.js';

/** What lives of a store's shared network. */
export interface SharedParts {
  /** A process in it; undefined when there is no such network now. */
  readonly inside: number | undefined;
  readonly holder: number | undefined;
  readonly dnsmasq: number | undefined;
  readonly wayOut: number | undefined;
  /** What does not live and should, or the reverse, each as a clause. */
  readonly damage: readonly string[];
}

/** Looks at a store's shared network, and changes nothing. @throws MultipassError RECORD_INVALID, PERMISSION_DENIED */
export function partsOfShared(layout: StoreLayout): SharedParts {
  const folder = layout.sharedNetwork;
  const record = readBridgeRecord(folder);
  const inside = record === undefined ? undefined : findInside(layout, record.bridge);
  const holder = findHolder(layout);
  const wayOut = findWayOut(layout);
  if (record === undefined || inside === undefined) {
    const damage = wayOut === undefined ? [] : ['a way out is left that leads out of nothing'];
    return { inside, holder, dnsmasq: undefined, wayOut, damage };
  }
  const dnsmasq = findDnsmasq(folder, record.bridge, inside)?.pid;
  const leadsOut = wayOut !== undefined && isInside(inside, WAY_OUT_LINK);
  const damage = [
    ...(holder === undefined ? ['nothing waits for the end of the last instance'] : []),
    ...(dnsmasq === undefined ? ['nothing gives addresses and names'] : []),
    ...(leadsOut ? [] : ['there is no way out']),
  ];
  return { inside, holder, dnsmasq, wayOut, damage };
}
