import { randomUUID } from 'node:crypto';
import { ownTurn } from '../../process/own-turn.js';
import type { MacAddress } from '../../net/mac-address.js';
import type { InterfaceChange } from '../../net/network-config.js';
import type { StagedInstance } from '../../store/staging.js';
import { MacClaims, rowsOfReading } from '../macs.js';
import type { InstanceReading } from '../read-instance.js';
import type { NetworkInterface } from '../records/interface.js';
import type { InstanceSpec } from '../records/spec.js';

/** What a clone has of its own, and nobody else in the store has. */
export interface NewIdentity {
  readonly uuid: string;
  readonly vmgenid: string;
  readonly interfaces: InstanceSpec['interfaces'];
  /** The same, as changes of a network-config. */
  readonly changes: readonly InterfaceChange[];
}

/**
 * Gives a staged clone of the state `spec` its identity: the uuid it was staged with, a new vmgenid, and a new MAC for
 * every interface, claimed in the store's table. The source's own are claimed for the source where they have no row.
 * @throws MultipassError MAC_EXHAUSTED
 */
export async function claimIdentity(
  staged: StagedInstance,
  { reading, spec }: { readonly reading: InstanceReading; readonly spec: InstanceSpec },
): Promise<NewIdentity> {
  await ownTurn();
  const claims = MacClaims.ofStaged(staged);
  await claims.adopt(await rowsOfReading(reading), reading);
  const [first, ...rest] = spec.interfaces;
  const interfaces: [NetworkInterface, ...NetworkInterface[]] = [
    { ...first, mac: await claims.generate() },
  ];
  for (const extra of rest) interfaces.push({ ...extra, mac: await claims.generate() });
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

/**
 * The MAC that the seed has for an interface: the seed is the source's present one, while the interfaces may be those
 * of a snapshot, from before one was added.
 */
function macInSeed(present: InstanceSpec, cloned: InstanceSpec, index: number): MacAddress {
  const card = cloned.interfaces[index];
  if (card === undefined) throw new Error(`no interface ${index}`);
  const same = present.interfaces.some(({ mac }) => mac.equals(card.mac));
  const now = present.interfaces[index];
  return same || now?.network !== card.network ? card.mac : now.mac;
}
