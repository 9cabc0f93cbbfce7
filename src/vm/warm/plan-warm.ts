import { existsSync, readFileSync } from 'node:fs';
import { MultipassError } from '../../errors.js';
import { loneTapName } from '../../net/bridge/lone-tap.js';
import { leaseOf } from '../../net/leases.js';
import { MacAddress } from '../../net/mac-address.js';
import type { Card, LoneCard, Machine } from '../../qemu/machine.js';
import { processorOf } from '../../qemu/processor.js';
import { hasSnapshotNamed } from '../../qemu/qcow2-header.js';
import type { StoreLayout } from '../../store/layout.js';
import type { Work } from '../../work.js';
import { requireGuest } from '../guest/open-guest.js';
import { hasKey } from '../guest/store-key.js';
import { SUSPEND_TAG, type InstanceReading } from '../read-instance.js';
import { readMachine } from '../records/machine-record.js';
import type { MemoryRecord, RenewalLevel } from '../records/memory-record.js';
import { snapshotTag } from '../records/snapshot-record.js';
import { readSnapshots } from '../read-snapshots.js';
import { requireSnapshot, snapshotViews } from '../snapshots/snapshot-list.js';
import { probeGuest, unfit } from './probe-guest.js';

/** What a memory is saved from, and how it is gone on with. */
export interface WarmPlan {
  readonly source: InstanceReading;
  readonly machine: Machine;
  /** Tag of the internal snapshot that has the memory; null: the source runs. */
  readonly tag: string | null;
  /** What is on record in each clone, but for what its maker knows. */
  readonly record: Omit<MemoryRecord, 'qemu' | 'saved'>;
}

/** What is wanted of a source. */
export interface WarmRequest {
  readonly layout: StoreLayout;
  readonly source: InstanceReading;
  /** Name of the snapshot whose memory is meant. */
  readonly snapshot: string | undefined;
  readonly level: RenewalLevel;
  readonly work: Work;
}

/** The address that QEMU's own network gives to the first who asks. */
const FIRST_OF_USER_NETWORK = 15;

/**
 * Looks whether a clone can have the memory of a source, and can be given an identity of its own then. Changes nothing.
 * @throws MultipassError INSTANCE_NOT_RUNNING when there is no memory; GUEST_UNFIT with the reason when its guest could
 *   not be renewed; SSH_FAILED, GUEST_SILENT, ABORTED
 */
export async function planWarm(request: WarmRequest): Promise<WarmPlan> {
  const { layout, source, level, work } = request;
  const { machine, tag } = memoryOf(request);
  const { name, dir, spec } = source;
  if (machine.arch !== 'x86_64')
    throw unfit(name, `machines of its kind (${machine.arch}) keep their cards`);
  const [first, ...rest] = machine.cards;
  if (first === undefined) throw unfit(name, 'it has no card');
  if (spec.sshKey === null || !(await hasKey(layout, spec.sshKey))) {
    throw unfit(name, 'no ssh key is known that it lets in');
  }
  if (!existsSync(dir.knownHosts))
    throw unfit(name, 'it has never let us in: its host key is not known');
  const address =
    tag === null
      ? (await probeGuest(await requireGuest(layout, source), first.mac, work.signal)).address
      : addressThen(layout, first);
  if (address === undefined) throw unfit(name, 'it is not known which address it had');
  const record = {
    level,
    machine,
    processor: processorOf(machine),
    cards: [first, ...rest].map((card, index) =>
      loneCard(card, index, index === 0 ? address : null),
    ),
    knownHosts: readFileSync(dir.knownHosts, 'utf8'),
    sourceUuid: spec.uuid,
  };
  return { source, machine, tag, record };
}

function memoryOf({ source, snapshot }: WarmRequest): { machine: Machine; tag: string | null } {
  const { name, dir, disk, state, pending } = source;
  if (snapshot !== undefined) {
    const { record } = requireSnapshot(
      snapshotViews(name, readSnapshots(dir, pending)),
      snapshot,
      name,
    );
    const tag = snapshotTag(record.index);
    const saved = disk.snapshots.find((one) => one.name === tag);
    if (record.machine !== undefined && (saved?.vmStateSize ?? 0) > 0) {
      return { machine: record.machine, tag };
    }
    throw noMemory(`${name}.${snapshot}`, 'Take it with --live --memory, or leave --warm out.');
  }
  const machine = readMachine(dir)?.machine;
  const isSaved = state !== 'Running' && hasSnapshotNamed(disk, SUSPEND_TAG);
  if (machine !== undefined && state === 'Running') return { machine, tag: null };
  if (machine !== undefined && isSaved) return { machine, tag: SUSPEND_TAG };
  throw noMemory(name, 'Start it first, or leave --warm out.');
}

function noMemory(name: string, hint: string): MultipassError {
  return new MultipassError('INSTANCE_NOT_RUNNING', `"${name}" has no memory to be cloned with`, {
    hint,
    details: { name },
  });
}

function addressThen(layout: StoreLayout, { mac, backend }: Card): string | undefined {
  if (backend.kind === 'user')
    return backend.subnet.replace(/0\/24$/, String(FIRST_OF_USER_NETWORK));
  const folder = backend.within === 'host' ? layout.network : layout.sharedNetwork;
  return leaseOf(folder, MacAddress.parse(mac))?.ip;
}

function loneCard({ mac, backend }: Card, index: number, address: string | null): LoneCard {
  const subnet =
    address?.replace(/\d+$/, '0/24') ?? (backend.kind === 'user' ? backend.subnet : '10.0.2.0/24');
  const tap = backend.kind === 'tap' ? loneTapName(index) : null;
  return { mac, subnet, address, tap, sshPort: null };
}
