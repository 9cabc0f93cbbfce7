import type { LegacyInstance } from '../../store/legacy/instances.js';

/** Instances that come after one another, and the MAC addresses that they have. */
interface Lane {
  readonly instances: readonly LegacyInstance[];
  readonly macs: readonly string[];
}

/**
 * Puts instances into lanes, which can be gone through side by side. Those that have a MAC address in common are in
 * one lane, the one that came first before the other: it keeps the address.
 */
export function lanesOf(instances: readonly LegacyInstance[]): (readonly LegacyInstance[])[] {
  const laneOf = new Map<string, Lane>();
  const lanes = new Set<Lane>();
  for (const instance of instances) {
    const macs = macsOf(instance);
    const met = [...new Set(macs.flatMap((mac) => laneOf.get(mac) ?? []))];
    const lane = {
      instances: [...met.flatMap((one) => one.instances), instance],
      macs: [...met.flatMap((one) => one.macs), ...macs],
    };
    for (const one of met) lanes.delete(one);
    for (const mac of lane.macs) laneOf.set(mac, lane);
    lanes.add(lane);
  }
  return [...lanes].map((lane) => lane.instances);
}

function macsOf({ spec, snapshots: { snapshots } }: LegacyInstance): string[] {
  const extras = [spec, ...snapshots].flatMap((machine) => machine?.extraInterfaces ?? []);
  const macs = [spec?.mac, ...extras.map(({ mac }) => mac)];
  return macs.flatMap((mac) => (typeof mac === 'string' ? [mac.toLowerCase()] : []));
}
