import { randomUUID } from 'node:crypto';
import { MacAddressGenerator } from '../../net/mac-address-generator.js';
import type { MacAddress } from '../../net/mac-address.js';
import type { InterfaceChange } from '../../net/network-config.js';
import { MacTable } from '../../store/mac-table.js';
import type { StagedInstance } from '../../store/staging.js';
import type { StoreLayout } from '../../store/layout.js';
import type { NetworkInterface } from '../records/interface.js';
import type { InstanceSpec } from '../records/spec.js';
import { rowsOfFolder } from '../macs.js';
import type { InstanceReading } from '../read-instance.js';

/** What a clone has of its own, and nobody else in the store has. */
export interface NewIdentity {
  readonly uuid: string;
  readonly vmgenid: string;
  readonly interfaces: InstanceSpec['interfaces'];
  /** The same, as changes of a network-config. */
  readonly changes: readonly InterfaceChange[];
}

/**
 * Gives a staged clone of the state `spec` its identity: the uuid it was staged with, a new vmgenid, and a new MAC for every interface,
 * claimed in the store's table.
 * @throws MultipassError MAC_EXHAUSTED
 */
export async function claimIdentity(
  layout: StoreLayout,
  { reading, spec }: { readonly reading: InstanceReading; readonly spec: InstanceSpec },
  staged: StagedInstance,
): Promise<NewIdentity> {
  await adoptSourceRows(layout, reading, staged);
  const [first, ...rest] = spec.interfaces;
  const interfaces: [NetworkInterface, ...NetworkInterface[]] = [await withNewMac(first, staged)];
  for (const extra of rest) interfaces.push(await withNewMac(extra, staged));
  return {
    uuid: staged.uuid,
    vmgenid: randomUUID(),
    interfaces,
    changes: interfaces.map(({ mac, auto }, index) => ({
      old: macInSeed(reading.spec, spec, index),
      new: mac,
      index,
      auto,
    })),
  };
}

async function withNewMac(
  card: NetworkInterface,
  staged: StagedInstance,
): Promise<NetworkInterface> {
  const mac = await MacAddressGenerator.instance.generate((wanted) =>
    staged.claimMac(wanted.toHex()),
  );
  return { ...card, mac };
}

/**
 * A folder that was copied into the store by hand has no rows yet, and its clone must not get its MACs, nor those that
 * a restore of a snapshot brings back.
 */
async function adoptSourceRows(
  layout: StoreLayout,
  source: InstanceReading,
  staged: StagedInstance,
): Promise<void> {
  const table = new MacTable(layout);
  const held = await rowsOfFolder(source.dir);
  for (const hex of held?.rows ?? []) {
    if (table.owner(hex) === undefined) await staged.claimMac(hex, source.spec.uuid);
  }
}

/**
 * The MAC that the seed has for an interface: the seed is the source's present one, while the interfaces may be those of
 * a snapshot, from before one was added.
 */
function macInSeed(present: InstanceSpec, cloned: InstanceSpec, index: number): MacAddress {
  const card = cloned.interfaces[index];
  if (card === undefined) throw new Error(`no interface ${index}`);
  const same = present.interfaces.some(({ mac }) => mac.equals(card.mac));
  const now = present.interfaces[index];
  return same || now?.network !== card.network ? card.mac : now.mac;
}
