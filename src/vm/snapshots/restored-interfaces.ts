import type { InterfaceChange } from '../../net/network-config.js';
import type { StoreLayout } from '../../store/layout.js';
import { MacClaims } from '../macs.js';
import { interfaceLabel, type NetworkInterface } from '../records/interface.js';
import type { SnapshotRecord } from '../records/snapshot-record.js';
import type { InstanceSpec } from '../records/spec.js';
import type { InstanceReading } from '../read-instance.js';

/** The interfaces that a restore brings back, each with a MAC address that is the instance's own. */
export interface RestoredInterfaces {
  readonly interfaces: InstanceSpec['interfaces'];
  /** The same, as changes of a network-config. */
  readonly changes: readonly InterfaceChange[];
  /** One has another MAC address than it had. */
  readonly hasNewMac: boolean;
  readonly warnings: readonly string[];
}

/**
 * Claims the MAC addresses of a snapshot's interfaces for the instance. One that meanwhile belongs to another instance
 * gets a new one. What was claimed stays claimed, as ever while the instance exists.
 * @throws MultipassError MAC_EXHAUSTED, DISK_FULL, …
 */
export async function claimRestored(
  layout: StoreLayout,
  { dir, spec: { uuid, interfaces: present } }: Pick<InstanceReading, 'dir' | 'spec'>,
  record: SnapshotRecord,
): Promise<RestoredInterfaces> {
  await using claims = MacClaims.ofExisting(layout, { uuid, dir });
  const [first = present[0], ...rest] = record.interfaces;
  const wanted: InstanceSpec['interfaces'] = [first, ...rest];
  const interfaces: NetworkInterface[] = [];
  const warnings: string[] = [];
  for (const [index, card] of wanted.entries()) {
    if (await claims.claim(card.mac)) {
      interfaces.push(card);
      continue;
    }
    const mac = await claims.generate();
    interfaces.push({ ...card, mac });
    const label = interfaceLabel(index);
    warnings.push(
      `the MAC address ${card.mac.toString()} belongs to another instance: interface ${label} has ` +
        `${mac.toString()} now`,
    );
  }
  const [one = first, ...others] = interfaces;
  return {
    interfaces: [one, ...others],
    changes: interfaces.map(({ mac, auto }, index) => ({
      old: wanted[index]?.mac ?? mac,
      new: mac,
      index,
      auto,
    })),
    hasNewMac: warnings.length > 0,
    warnings,
  };
}

/** Whether the guest sees the same cards. */
export function sameInterfaces(
  one: readonly NetworkInterface[],
  other: readonly NetworkInterface[],
): boolean {
  const textOf = (cards: readonly NetworkInterface[]): string =>
    cards.map(({ mac, auto }) => `${mac.toString()} ${auto}`).join();
  return textOf(one) === textOf(other);
}
