import { randomUUID } from 'node:crypto';
import { chmod, copyFile, open, rm, stat, writeFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { geteuid } from 'node:process';
import { sleep } from '../../abort.js';
import { fromSystemError, hasCode } from '../../errors.js';
import { makeFolder } from '../../files/make-folder.js';
import { syncPath } from '../../files/sync.js';
import { asConfined, confineQemu } from '../../qemu/confine-qemu.js';
import { machineArguments, SOCKETS, type LoneCard, type Machine } from '../../qemu/machine.js';
import { leaveRamOut, migrate } from '../../qemu/migration.js';
import { createEmpty } from '../../qemu/qemu-img.js';
import type { QmpClient } from '../../qemu/qmp-client.js';
import { qemuVersion } from '../../qemu/qemu-version.js';
import { runStateOf } from '../../qemu/run-state.js';
import { startQemu, type StartedQemu } from '../../qemu/start-qemu.js';
import { receiveFromUnixSocket, sendToUnixSocket } from '../../qemu/unix-socket.js';
import { INSTANCE_FILES } from '../../store/instance-dir.js';
import type { StoreLayout } from '../../store/layout.js';
import { StagedInstance } from '../../store/staging.js';
import type { Work } from '../../work.js';
import { backingChain } from '../disks/backing-chain.js';
import { copyWhole, linkOrCopy } from '../disks/copy-file.js';
import { requireSpace } from '../disks/free-space.js';
import { startGuard, type Guard } from '../live/guard.js';
import { liveSocket, newLiveId } from '../live/live-names.js';
import type { StandstillRequest } from '../live/standstill.js';
import { MachineNetwork } from '../network/machine-network.js';
import { kindOfCards } from '../network/network-kind.js';
import type { InstanceReading } from '../read-instance.js';
import { filesOfConfined } from '../run/confinement.js';
import { qemuProgram } from '../run/qemu-program.js';
import { unfit } from './probe-guest.js';

/** Whose memory is saved. */
export interface WorkshopRequest {
  readonly layout: StoreLayout;
  readonly source: InstanceReading;
  /** What the memory belongs to. */
  readonly machine: Machine;
  /** Its cards, on wires of their own. */
  readonly cards: readonly LoneCard[];
  readonly work: Work;
}

const INCOMING = 'incoming.sock';
const OUTGOING = 'outgoing.sock';
const NO_SANDBOX =
  'its card is on a bridge, and QEMU is in no sandbox here (bubblewrap), where that has a copy';
const STREAM = 'memory.stream';
const DOING = 'save the memory';
const POLL_MS = 10;
const MIB = 1024 ** 2;

/**
 * Makes files of a guest's memory that any number of machines may begin with: the RAM as it is, which all of them share
 * until they write to it, and the state of the devices. A QEMU of its own does that: it takes the memory of a running
 * one, or what is saved in a disk, into RAM that is the file, and never runs the guest. It is shut up as any other, for
 * what it reads is the guest's making. All is made in a folder in staging, and goes with it; QEMU ends with us.
 */
export class MemoryWorkshop implements AsyncDisposable {
  readonly #staged: StagedInstance;
  readonly #request: WorkshopRequest;
  #qemu: StartedQemu | undefined;
  #guard: Guard | undefined;
  #version = '';
  #isExpecting = false;

  private constructor(staged: StagedInstance, request: WorkshopRequest) {
    this.#staged = staged;
    this.#request = request;
  }

  /** @throws MultipassError DISK_FULL when the memory would not fit; IO_ERROR, … */
  static async open(request: WorkshopRequest): Promise<MemoryWorkshop> {
    const staged = await StagedInstance.create(request.layout, randomUUID(), null);
    const workshop = new MemoryWorkshop(staged, request);
    try {
      await requireSpace(staged.disk, request.machine.memory);
      await using ram = await open(staged.ram, 'wx', 0o600);
      await ram.truncate(Math.floor(request.machine.memory / MIB) * MIB);
      if (request.machine.hasSeed) await copyFile(request.source.dir.seed, staged.seed);
      await makeFolder(staged.run);
      return workshop;
    } catch (error) {
      await staged.discard();
      throw error;
    }
  }

  /** Version of the QEMU that made the files. */
  get qemu(): string {
    return this.#version;
  }

  /**
   * Makes ready for {@link receive}, while the source still runs.
   * @throws MultipassError QEMU_FAILED, TOOL_MISSING, ABORTED, …
   */
  async expect(): Promise<void> {
    const { source, work } = this.#request;
    await createEmpty(this.#staged.disk, source.disk.virtualSize, work);
    this.#isExpecting = true;
    await this.#start([], ['-incoming', `unix:${INSTANCE_FILES.run}/${SOCKETS}/${INCOMING}`]);
  }

  /**
   * Takes the memory of a running guest that stands still, from its QEMU: into a file, as fast as that is written.
   * @throws MultipassError DISK_FULL, IO_ERROR when that cannot be; QMP_FAILED, ABORTED
   */
  async receive({ dir, client, work }: StandstillRequest): Promise<void> {
    const socket = liveSocket(newLiveId());
    const stream = this.#staged.file(STREAM);
    const received = await receiveFromUnixSocket(
      dir.run,
      relative(INSTANCE_FILES.run, socket),
      stream,
    );
    try {
      await migrate(client, `unix:${socket}`, work.signal);
      await received.done;
    } catch (error) {
      throw fromSystemError(received.failed ?? error, DOING, stream);
    } finally {
      await rm(dir.file(socket), { force: true });
    }
  }

  /**
   * Takes the memory that is saved in a disk under a tag; the disk is only read. The caller holds its lock.
   * @throws MultipassError QEMU_FAILED when it cannot be loaded; DISK_FULL, ABORTED, …
   */
  async load(tag: string): Promise<void> {
    const { source, work } = this.#request;
    const bases = backingChain(source.dir, source.disk);
    for (const base of bases)
      await linkOrCopy(source.dir.file(base), this.#staged.file(base), work);
    await copyWhole(source.dir.disk, this.#staged.disk, work);
    await chmod(this.#staged.disk, 0o600);
    await this.#start(bases, ['-loadvm', tag]);
  }

  /**
   * Makes the files of what was taken, durably.
   * @throws MultipassError DISK_FULL, QMP_FAILED, QEMU_FAILED, ABORTED, …
   */
  async finish(): Promise<void> {
    try {
      await this.#finish();
    } catch (error) {
      if (hasCode(error, 'ABORTED')) throw error;
      // QEMU ends without a word when a page of its RAM finds no room in the file.
      await requireSpace(this.#staged.ram, MIB);
      throw fromSystemError(error, DOING, this.#staged.ram);
    }
  }

  async #finish(): Promise<void> {
    const { signal } = this.#request.work;
    const client = this.#client();
    const sockets = this.#staged.runFile(SOCKETS);
    if (this.#isExpecting) {
      const stream = this.#staged.file(STREAM);
      // About what it will be as RAM: pages of zeros are in neither.
      await requireSpace(this.#staged.ram, (await stat(stream)).size);
      await sendToUnixSocket(sockets, INCOMING, stream);
      await rm(stream);
    }
    while ((await runStateOf(client)) === 'inmigrate') await sleep(POLL_MS, signal);
    await leaveRamOut(client, true);
    const received = await receiveFromUnixSocket(sockets, OUTGOING, this.#staged.devices);
    try {
      await migrate(client, `unix:${INSTANCE_FILES.run}/${SOCKETS}/${OUTGOING}`, signal);
    } finally {
      await client.execute('quit').catch(() => undefined);
      await client.closed;
    }
    await received.done;
    for (const file of [this.#staged.ram, this.#staged.devices]) await syncPath(file);
  }

  /** Gives a clone in the making the memory: the same files. */
  async linkInto(clone: StagedInstance, record: unknown): Promise<void> {
    const { work } = this.#request;
    await linkOrCopy(this.#staged.ram, clone.ram, work);
    await linkOrCopy(this.#staged.devices, clone.devices, work);
    await writeFile(clone.memory, `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const client = this.#qemu?.client;
    if (client !== undefined) {
      await client.execute('quit').catch(() => undefined);
      await client.closed;
    }
    this.#guard?.dismiss();
    await this.#staged.discard();
  }

  #client(): QmpClient {
    if (this.#qemu === undefined) throw new Error('there is no QEMU in this workshop');
    return this.#qemu.client;
  }

  async #start(bases: readonly string[], more: readonly string[]): Promise<void> {
    const { layout, cards, work } = this.#request;
    const staged = this.#staged;
    const machine = await this.#machine();
    const { disk, seed, run, ram } = INSTANCE_FILES;
    const files = { disk, bases, seed, run, ram };
    const program = qemuProgram(machine.arch);
    const confined = await filesOfConfined(layout, program);
    const hasTaps = cards.some(({ tap }) => tap !== null);
    if (hasTaps && confined === null) throw unfit(this.#request.source.name, NO_SANDBOX);
    const kind = hasTaps ? kindOfCards(this.#request.machine.cards) : 'user';
    const options = { hostLoopback: false, signal: work.signal };
    await using network = await MachineNetwork.open(layout, kind, options);
    const asSeen = confined === null ? machine : asConfined(machine);
    this.#guard = await startGuard({ layout, name: 'memory', program: endOf(staged.qemuPid) });
    const qemu = await startQemu({
      ...(confined === null
        ? { program }
        : {
            program: confined.program,
            world: async (filter) => [
              ...network.through,
              ...(await confineQemu({
                ...confined,
                machine,
                files,
                folder: staged.path,
                filter,
                alone: cards,
                whereRoot: kind === 'shared' && geteuid?.() !== 0,
              })),
            ],
            equip: async (pid) => await network.layLoneTaps(cards, pid, work.signal),
          }),
      args: [
        ...machineArguments(asSeen, files, { ram, isWritten: true, cards }),
        ...more,
        ...['-name', 'memory'],
      ],
      folder: staged.path,
      run,
      lock: undefined,
      signal: work.signal,
    });
    this.#qemu = qemu;
    this.#version = await qemuVersion(qemu.client);
  }

  /** The same devices; its cards lead nowhere, and its folders are empty. */
  async #machine(): Promise<Machine> {
    const { machine } = this.#request;
    const path = this.#staged.runFile('missing');
    await makeFolder(path, { mode: 0o500 });
    const shares = machine.shares.map(({ tag }) => ({ tag, path, security: 'none' as const }));
    return { ...machine, cards: [], shares, seenAs: null };
  }
}

/** Ends the process of a pid file, if there is one by then. */
const END = `pid=$(sed -n 's/.*"pid": *\\([0-9]*\\).*/\\1/p' "$0" 2>/dev/null)
[ -z "$pid" ] || kill -KILL "$pid"`;

/** What a guard does that outlives us. */
function endOf(pidFile: string): readonly string[] {
  return ['/bin/sh', '-c', END, pidFile];
}
