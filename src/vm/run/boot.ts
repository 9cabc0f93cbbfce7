import { rm } from 'node:fs/promises';
import { MultipassError } from '../../errors.js';
import { makeFolder } from '../../files/make-folder.js';
import { type Machine } from '../../qemu/machine.js';
import { hasSnapshotNamed } from '../../qemu/qcow2-header.js';
import type { QmpClient } from '../../qemu/qmp-client.js';
import type { Work } from '../../work.js';
import { cannotResume } from '../errors.js';
import { SUSPEND_TAG, type InstanceReading } from '../read-instance.js';
import { endKeepers } from '../mounts/keeper.js';
import type { Settings } from '../settings/settings.js';
import type { OpenedInstance } from '../open.js';
import { waitForEnd } from './end-of-run.js';
import { followName } from './follow-name.js';
import { startOnFreePort } from './free-port.js';
import { applyAllForwards } from '../forwards/apply-forwards.js';
import { chooseNetwork } from './choose-network.js';
import { networkDownIfIdle } from '../network/leave-network.js';
import { MachineNetwork } from '../network/machine-network.js';
import { kindOfCards, type NetworkKind } from '../network/network-kind.js';
import { bridgedCards, readMachine, writeMachine } from '../records/machine-record.js';
import { dropSavedState } from './monitor.js';
import { requireOwnMacs } from '../macs.js';
import { planMachine, sameMachine } from './plan-machine.js';
import { filesOfConfined } from './confinement.js';
import { qemuProgram, qemuTarget } from './qemu-program.js';
import { recordOf, startPlanned, type SavedMemory } from './start-planned.js';

/** What is booted, and how. */
export interface BootRequest {
  /** The stopped or suspended instance, held alone. QEMU keeps its lock; the caller may release its own. */
  readonly opened: OpenedInstance;
  readonly settings: Settings;
  readonly work: Work;
  /** What its guest goes on from, where that is not what it was suspended with. */
  readonly memory?: SavedMemory | undefined;
}

/**
 * Starts QEMU for an instance, or resumes it, and lets the guest run. From the first byte that QEMU reads of the disk
 * until its end it holds the instance's kernel lock. On an error no QEMU is left, and the disk is as it was: a
 * suspended instance is still suspended.
 *
 * @returns 'resumed' or 'booted'
 * @throws MultipassError INSTANCE_SUSPENDED, MAC_TAKEN, QEMU_FAILED, PORT_TAKEN, ACCELERATOR_UNAVAILABLE,
 *   NETWORK_UNAVAILABLE, NETWORK_NOT_FOUND, DISK_INVALID, DISK_IN_USE, TOOL_MISSING, ABORTED, …
 */
export async function bootInstance(request: BootRequest): Promise<'booted' | 'resumed'> {
  const { layout, reading } = request.opened;
  const memory = request.memory ?? suspendedMemory(reading);
  const kind = await kindFor(request, memory);
  // A resumed guest has read its seed long ago.
  if (memory === null) await followName(layout, reading.dir);
  return await onNetwork(request, kind, (network) => bootOn(network, request, memory));
}

/**
 * Brings the network up that a machine is to be on, and what else there is to be before its QEMU; on an error of `use`
 * the network goes, unless others are on it.
 * @throws MultipassError NETWORK_UNAVAILABLE, MAC_TAKEN, …; what `use` throws
 */
export async function onNetwork<T>(
  request: BootRequest,
  kind: NetworkKind,
  use: (network: MachineNetwork) => Promise<T>,
): Promise<T> {
  const { opened, work } = request;
  const { layout, reading } = opened;
  const { dir, spec } = reading;
  if (request.settings.hostLoopback === 'false') requireNoWayToHost(request, kind);
  await requireOwnMacs(layout, { dir, spec });
  await makeFolder(dir.run, { doing: `start "${dir.name}"` });
  await endKeepers(dir);
  try {
    await using network = await MachineNetwork.open(layout, kind, {
      hostLoopback: request.settings.hostLoopback === 'true',
      signal: work.signal,
    });
    if (network.isWayOutNew) await applyAllForwards(layout, work);
    return await use(network);
  } catch (error) {
    await leaveNetwork(request, kind);
    throw error;
  }
}

/** What a suspended instance has saved. */
function suspendedMemory({ dir, disk }: InstanceReading): SavedMemory | null {
  if (!hasSnapshotNamed(disk, SUSPEND_TAG)) return null;
  const record = readMachine(dir);
  if (record === undefined) throw cannotResume(dir.name);
  return { tag: SUSPEND_TAG, machine: record.machine };
}

async function bootOn(
  network: MachineNetwork,
  request: BootRequest,
  memory: SavedMemory | null,
): Promise<'booted' | 'resumed'> {
  const { opened, work } = request;
  const { dir } = opened.reading;
  let plugging: Promise<void> | undefined;
  const plug = (cards: Machine['cards']) => (plugging ??= network.plug(cards, work.signal));
  const { started, machine } = await startOnFreePort(
    () => machineFor(request, network, memory),
    (planned) => {
      plugging = undefined;
      // While QEMU makes its machine.
      const onCables = (): void => void plug(planned.cards).catch(() => undefined);
      return startPlanned(request, { machine: planned, network, memory, onCables });
    },
  ).catch(async (error: unknown) => {
    await plugging?.catch(() => undefined);
    throw error;
  });
  const { client } = started;
  try {
    await plug(machine.cards);
    const type = await boardOf(client, machine);
    if (type !== machine.type) await writeMachine(dir, recordOf({ ...machine, type }));
    work.throwIfAborted();
    // Gone before the guest runs on: a QEMU that is killed later must not travel back in time at the next start.
    if (memory?.tag === SUSPEND_TAG) await dropSavedState(client);
    await client.execute('cont');
    return memory === null ? 'booted' : 'resumed';
  } catch (error) {
    await endBooting(dir, client);
    throw error;
  } finally {
    client.close();
  }
}

/** Ends a QEMU that did not come to run its guest as it should: nothing is left of it. */
export async function endBooting(dir: InstanceReading['dir'], client: QmpClient): Promise<void> {
  await client.execute('quit').catch(() => undefined);
  await client.closed;
  // Until then it has its taps.
  await waitForEnd(dir);
  await rm(dir.qemuPid, { force: true });
}

/** A guest goes on with what it was on. */
async function kindFor(request: BootRequest, memory: SavedMemory | null): Promise<NetworkKind> {
  const { opened, settings, work } = request;
  return memory === null
    ? await chooseNetwork(opened.layout, settings.network, work)
    : kindOfCards(memory.machine.cards);
}

async function machineFor(
  request: BootRequest,
  network: MachineNetwork,
  memory: SavedMemory | null,
): Promise<Machine> {
  const { opened, settings, work } = request;
  const { layout, reading } = opened;
  if (memory !== null) return await sameMachine(memory.machine, { reading, network, work });
  const isConfined = (await filesOfConfined(layout, qemuProgram(qemuTarget().arch))) !== null;
  return await planMachine({ layout, reading, settings, network, isConfined, work });
}

/**
 * QEMU's own network makes an address of its subnet the host, its loopback included, and cannot be told otherwise; the
 * way out of the shared one can, and on the host's bridge the host is another machine.
 */
function requireNoWayToHost({ opened }: BootRequest, kind: NetworkKind): void {
  const { name } = opened.reading;
  if (kind !== 'user') return;
  throw new MultipassError(
    'NETWORK_UNAVAILABLE',
    `"${name}" would reach what listens on this host's loopback, which local.host-loopback=false forbids`,
    {
      hint:
        'Put instances on a network that they share: `multipass set local.network=shared` (a suspended one keeps ' +
        'the network that it was suspended with: stop it first). Or allow it: `set local.host-loopback=true`.',
      details: { name },
    },
  );
}

/** What was set up for nothing goes, unless others are on it; what has failed is told first of all. */
async function leaveNetwork({ opened }: BootRequest, kind: NetworkKind): Promise<void> {
  if (kind === 'user') return;
  const ended = bridgedCards(opened.reading.dir);
  await networkDownIfIdle(opened.layout, ended, kind).catch(() => undefined);
}

/** `pc` stands for another board in every version of QEMU; resuming needs the one it stood for. */
async function boardOf(client: QmpClient, machine: Machine): Promise<string> {
  const type = await client.execute('qom-get', { path: '/machine', property: 'type' });
  return typeof type === 'string' ? type.replace(/-machine$/, '') : machine.type;
}
