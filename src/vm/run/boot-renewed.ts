import { rename } from 'node:fs/promises';
import { sleep } from '../../abort.js';
import { hasCode, MultipassError } from '../../errors.js';
import { syncPath } from '../../files/sync.js';
import { freeLoopbackPort } from '../../net/user-network.js';
import { changeSeed } from '../../qemu/change-seed.js';
import { createOverlay } from '../../qemu/create-overlay.js';
import { SOCKETS, type LoneCard, type Machine } from '../../qemu/machine.js';
import { leaveRamOut } from '../../qemu/migration.js';
import { processorOf } from '../../qemu/processor.js';
import { hasOwnData } from '../../qemu/qcow2-header.js';
import type { QmpClient } from '../../qemu/qmp-client.js';
import { qemuVersion } from '../../qemu/qemu-version.js';
import { runStateOf } from '../../qemu/run-state.js';
import { sendToUnixSocket } from '../../qemu/unix-socket.js';
import { INSTANCE_FILES } from '../../store/instance-dir.js';
import { guestByMachine } from '../guest/open-guest.js';
import type { Guest } from '../guest/ssh.js';
import { startGuard } from '../live/guard.js';
import { lockLive } from '../lock-instance.js';
import type { MachineNetwork } from '../network/machine-network.js';
import type { NetworkKind } from '../network/network-kind.js';
import { isRunning, type InstanceReading } from '../read-instance.js';
import type { MemoryRecord } from '../records/memory-record.js';
import { dropMemory } from '../disks/drop-memory.js';
import { renewalFailed, renewGuest } from '../renewal/renew-guest.js';
import { endBooting, onNetwork, type BootRequest } from './boot.js';
import { chooseNetwork } from './choose-network.js';
import { endLiveProgram } from './end-live.js';
import { followName } from './follow-name.js';
import { startOnFreePort } from './free-port.js';
import { planMachine, sameMachine } from './plan-machine.js';
import { startPlanned } from './start-planned.js';
import { noteAnswer, withDeadline } from './wait-for-guest.js';

/** Which instance goes on from another's memory. */
export interface BootRenewedRequest extends BootRequest {
  readonly renewal: MemoryRecord;
  /** How long it may take, in milliseconds. Default 5 minutes. */
  readonly timeoutMs?: number | undefined;
}

const INCOMING = 'incoming.sock';
const POLL_MS = 10;

/**
 * Lets the guest of an instance go on from another's memory, and gives it an identity of its own before it is on any
 * network, or anybody meets it. Its disk is what it was when the memory was saved, each time this is tried. Once it is
 * a machine of its own its memory is dropped: the same moment is not gone on from twice. On an error, and when we are
 * killed, its QEMU is ended, and all is as before.
 * @returns how it is entered: it has let us in
 * @throws MultipassError RENEWAL_FAILED with what it lacks, or when its memory is for another host; TIMED_OUT; as
 *   {@link bootInstance}
 */
export async function bootRenewed(request: BootRenewedRequest): Promise<Guest> {
  const { opened, renewal, settings, work } = request;
  const { layout, reading } = opened;
  const { dir, name } = reading;
  requireSameProcessor(name, renewal);
  await followName(layout, dir);
  await renewHead(reading);
  const kind = await chooseNetwork(layout, settings.network, work);
  requireSameKind(name, renewal, kind);
  const lock = await lockLive(dir, work);
  try {
    const guard = await startGuard({ layout, name, program: endLiveProgram() });
    try {
      return await onNetwork(request, kind, (network) => bootOn(network, request));
    } finally {
      guard.dismiss();
    }
  } finally {
    await lock.release();
  }
}

async function bootOn(network: MachineNetwork, request: BootRenewedRequest): Promise<Guest> {
  const { opened, renewal, timeoutMs, work } = request;
  const { layout, reading } = opened;
  const { dir, name } = reading;
  let alone: readonly LoneCard[] = [];
  const { started, machine } = await startOnFreePort(
    () => plan(network, request),
    async (planned) => {
      alone = await loneCards(renewal, planned);
      return await startPlanned(request, {
        machine: planned,
        network,
        memory: null,
        alone,
        onCables: () => undefined,
      });
    },
  );
  const { client } = started;
  try {
    await requireSameQemu(client, name, renewal);
    await load(client, reading);
    await client.execute('cont');
    await changeSeed(client);
    const guest = await withDeadline({ layout, name, timeoutMs, work }, async (limited) => {
      return await renewGuest({
        client,
        alone: enteredAlone(network, request, { alone, pid: started.pid }),
        memory: renewal,
        cards: machine.cards,
        hostname: name,
        instanceId: reading.spec.uuid,
        plug: async () => await network.plug(machine.cards, limited.signal),
        found: async () => await guestByMachine(layout, reading),
        requireAlive: () => requireAlive(reading),
        work: limited,
      });
    });
    await dropMemory(dir);
    await noteAnswer(dir);
    return guest;
  } catch (error) {
    await endBooting(dir, client);
    throw inOtherWords(error, name);
  } finally {
    client.close();
  }
}

/** The machine that it is on when it is renewed: the one that its memory belongs to, with cards and ids of its own. */
async function plan(
  network: MachineNetwork,
  { opened, renewal, settings, work }: BootRenewedRequest,
): Promise<Machine> {
  const { layout, reading } = opened;
  const { spec } = reading;
  const own = await planMachine({ layout, reading, settings, network, isConfined: true, work });
  const same = await sameMachine({ ...renewal.machine, cards: [] }, { reading, network, work });
  return { ...same, cards: own.cards, uuid: spec.uuid, vmgenid: spec.vmgenid };
}

async function loneCards({ cards }: MemoryRecord, { cards: own }: Machine): Promise<LoneCard[]> {
  const [first, ...rest] = cards;
  if (first === undefined) return [];
  const [{ backend } = { backend: undefined }] = own;
  if (first.tap !== null) return [...cards];
  const port = backend?.kind === 'user' ? backend.sshPort : null;
  return [{ ...first, sshPort: port ?? (await freeLoopbackPort()) }, ...rest];
}

/** How the guest is entered while it is alone: by QEMU's own network, or by its tap, where QEMU is. */
function enteredAlone(
  network: MachineNetwork,
  { opened }: BootRenewedRequest,
  { alone: [card], pid }: { alone: readonly LoneCard[]; pid: number },
): Guest {
  const { layout, reading } = opened;
  const { dir, spec, name } = reading;
  const { sshUser: user, sshKey: key } = spec;
  const host = card?.tap === null ? '127.0.0.1' : card?.address;
  const port = card?.tap === null ? card.sshPort : 22;
  if (key === null || port === null || host === null || host === undefined) {
    throw renewalFailed(name, 'there is no way in');
  }
  const through = network.kind === 'user' ? {} : { through: network.intoMachine(pid) };
  return { layout, dir, user, key, address: { host, port, ...through } };
}

/** A state knows what its cards were plugged into. */
function requireSameKind(name: string, { cards }: MemoryRecord, kind: NetworkKind): void {
  if (kind !== 'user' || cards.every(({ tap }) => tap === null)) return;
  throw renewalFailed(
    name,
    "its memory is of a machine on a bridge, and QEMU's own network has none",
  );
}

async function load(client: QmpClient, { dir, name }: InstanceReading): Promise<void> {
  const sockets = `${INSTANCE_FILES.run}/${SOCKETS}`;
  await leaveRamOut(client, true);
  await client.execute('migrate-incoming', { uri: `unix:${sockets}/${INCOMING}` });
  try {
    await sendToUnixSocket(dir.runFile(SOCKETS), INCOMING, dir.devices);
    while ((await runStateOf(client)) === 'inmigrate') await sleep(POLL_MS);
  } catch (error) {
    throw renewalFailed(name, 'its memory could not be loaded', error);
  }
  await leaveRamOut(client, false);
}

/** The disk is what it was: what an earlier try has written on it belongs to a guest that is no more. */
async function renewHead({ dir, disk }: InstanceReading): Promise<void> {
  const { backingFile: file, virtualSize: size } = disk;
  if (file === null) throw renewalFailed(dir.name, 'its disk is not the one that its memory knows');
  if (!hasOwnData(dir.disk)) return;
  await createOverlay({ path: dir.newDisk, backing: { file, format: 'qcow2' }, size });
  await rename(dir.newDisk, dir.disk);
  await syncPath(dir.path);
}

function requireSameProcessor(name: string, { machine, processor }: MemoryRecord): void {
  if (processorOf(machine) === processor) return;
  throw renewalFailed(name, 'its memory is of a machine with another processor than this host');
}

async function requireSameQemu(
  client: QmpClient,
  name: string,
  { qemu }: MemoryRecord,
): Promise<void> {
  const version = await qemuVersion(client);
  if (version === qemu) return;
  throw renewalFailed(name, `its memory is of QEMU ${qemu}, and this is QEMU ${version}`);
}

function requireAlive({ dir, name }: InstanceReading): void {
  if (!isRunning(dir)) throw renewalFailed(name, 'it ended meanwhile');
}

function inOtherWords(error: unknown, name: string): unknown {
  const isOurs = hasCode(error, 'RENEWAL_FAILED', 'ABORTED', 'TIMED_OUT');
  if (isOurs || !(error instanceof MultipassError)) return error;
  return renewalFailed(name, error.message, error);
}
