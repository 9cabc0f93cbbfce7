import { randomUUID } from 'node:crypto';
import { MultipassError } from '../errors.js';
import type { MacAddress } from '../net/mac-address.js';
import { Work } from '../work.js';
import { originalOf } from './copies.js';
import type { InstanceRequest } from './instance-request.js';
import { MacClaims } from './macs.js';
import { openInstance, type OpenedInstance } from './open.js';
import { planSeedChange } from './pending/seed-change.js';
import { snapshotFileName, type SnapshotRecord } from './records/snapshot-record.js';
import type { NetworkInterface } from './records/interface.js';
import { readSnapshots } from './read-snapshots.js';

/** What became of a copy. */
export interface AdoptReport {
  /** The instance that it was a copy of. */
  readonly original: string;
  /** The one that it has got. */
  readonly uuid: string;
}

/**
 * Makes a stopped copy of an instance's folder, made by hand, an instance of its own: it gets a new uuid, vmgenid,
 * instance-id and MAC addresses, those of its snapshots included. One operation in place: killed before its commit
 * point it is the copy that it was, and addresses that were claimed leak.
 * @throws MultipassError INVALID_ARGUMENT when it is no copy; INSTANCE_NOT_FOUND, INSTANCE_NOT_STOPPED, SEED_INVALID,
 *   MAC_EXHAUSTED, DISK_FULL, ABORTED, …
 */
export async function adoptInstance(request: InstanceRequest): Promise<AdoptReport> {
  const { layout, name } = request;
  const work = Work.of(request.work);
  await using opened = await openInstance(layout, name, {
    for: 'adopt',
    states: ['Stopped'],
    copy: 'allowed',
    work,
  });
  const original = originalOf(layout, opened.reading);
  if (original === undefined) throw isNoCopy(name);
  const uuid = randomUUID();
  await giveIdentity(opened, uuid, work);
  return { original, uuid };
}

async function giveIdentity(opened: OpenedInstance, uuid: string, work: Work): Promise<void> {
  const { dir, spec, pending } = opened.reading;
  await using claims = MacClaims.ofExisting(opened.layout, { uuid, dir });
  const given = new Map<string, MacAddress>();
  const renew = async (card: NetworkInterface): Promise<NetworkInterface> => {
    const mac = given.get(card.mac.toHex()) ?? (await claims.generate());
    given.set(card.mac.toHex(), mac);
    return { ...card, mac };
  };
  const [first, ...rest] = spec.interfaces;
  const interfaces: [NetworkInterface, ...NetworkInterface[]] = [await renew(first)];
  for (const card of rest) interfaces.push(await renew(card));
  const snapshots = new Map<string, SnapshotRecord>();
  for (const record of readSnapshots(dir, pending)) {
    const cards = [];
    for (const card of record.interfaces) cards.push(await renew(card));
    const renewed = { ...record, interfaces: cards, instanceId: null };
    snapshots.set(snapshotFileName(record.index), renewed);
  }
  const { change, warnings } = planSeedChange(dir, {
    instanceId: uuid,
    interfaces: interfaces.map(({ mac, auto }, index) => ({
      old: spec.interfaces[index]?.mac ?? mac,
      new: mac,
      index,
      auto,
    })),
  });
  work.throwIfAborted();
  await opened.perform(
    {
      step: { operation: 'rewrite' },
      spec: { ...spec, uuid, vmgenid: randomUUID(), interfaces, forwards: [], autostart: false },
      snapshots,
      seed: change,
    },
    work,
  );
  warnings.push('the machine-id in it is that of the original: a clone gets a new one');
  for (const warning of warnings) work.warn(warning);
}

function isNoCopy(name: string): MultipassError {
  return new MultipassError('INVALID_ARGUMENT', `"${name}" is no copy of another instance`, {
    hint: `It has an identity of its own. For another with one, \`multipass clone ${name}\`.`,
    details: { name },
  });
}
