import { lstat, readdir, rm } from 'node:fs/promises';
import { geteuid } from 'node:process';
import { errnoOf } from '../../errors.js';
import { asConfined, confineQemu } from '../../qemu/confine-qemu.js';
import { CONSOLE_FIFO } from '../../qemu/console-log.js';
import {
  machineArguments,
  seenAsArguments,
  SOCKETS,
  type LoneCard,
  type Machine,
} from '../../qemu/machine.js';
import { startQemu, type StartedQemu } from '../../qemu/start-qemu.js';
import { INSTANCE_FILES } from '../../store/instance-dir.js';
import type { Work } from '../../work.js';
import { backingChain } from '../disks/backing-chain.js';
import { SUSPEND_TAG, type InstanceReading } from '../read-instance.js';
import type { OpenedInstance } from '../open.js';
import type { MachineNetwork } from '../network/machine-network.js';
import { writeMachine, type MachineRecord } from '../records/machine-record.js';
import { emptyFolder } from './plan-machine.js';
import { filesOfConfined } from './confinement.js';
import { qemuProgram } from './qemu-program.js';

/** Whose machine is started. */
export interface StartPlannedRequest {
  readonly opened: OpenedInstance;
  readonly work: Work;
}

/** The memory of a guest, in its disk. */
export interface SavedMemory {
  /** Tag of the internal snapshot that holds it. */
  readonly tag: string;
  /** What it belongs to. */
  readonly machine: Machine;
}

/** Which machine is started, and what its cards are plugged into. */
export interface Planned {
  readonly machine: Machine;
  readonly network: MachineNetwork;
  readonly memory: SavedMemory | null;
  /** The cards that it begins with in place of its own, where its RAM is in a file; QEMU waits for its state then. */
  readonly alone?: readonly LoneCard[] | undefined;
  /** Called when its cards can be plugged in; never where QEMU makes its taps itself. */
  readonly onCables: () => void;
}

/**
 * Starts the QEMU of a planned machine. On an error nothing of it is left.
 * @throws as {@link startQemu}
 */
export async function startPlanned(
  { opened, work }: StartPlannedRequest,
  { machine, network, memory, alone, onCables }: Planned,
): Promise<StartedQemu> {
  const { dir, disk: head } = opened.reading;
  await removeRun(opened.reading, memory?.tag === SUSPEND_TAG);
  // Before there is a QEMU: whoever finds one can tell what it is.
  await writeMachine(dir, recordOf(machine));
  try {
    const { disk, seed, run, ram } = INSTANCE_FILES;
    const common = { disk, bases: backingChain(dir, head), seed, run };
    const files = alone === undefined ? common : { ...common, ram };
    const confined = await filesOfConfined(opened.layout, qemuProgram(machine.arch));
    const args = [
      ...machineArguments(
        confined === null ? await asUnconfined(machine, { dir, work }) : asConfined(machine),
        files,
        alone === undefined ? undefined : { ram, isWritten: false, cards: alone },
      ),
      ...(memory === null ? [] : ['-loadvm', memory.tag]),
      ...(alone === undefined ? [] : ['-incoming', 'defer']),
      // For whoever looks at the processes of the host.
      ...['-name', dir.name],
    ];
    return await startQemu({
      ...(confined === null
        ? {
            program: qemuProgram(machine.arch),
            through: [...network.through, ...seenAsArguments(machine.seenAs)],
          }
        : {
            program: confined.program,
            world: async (filter) => [
              ...network.through,
              ...(await confineQemu({
                ...confined,
                machine,
                files,
                folder: dir.path,
                filter,
                alone,
                whereRoot: network.kind === 'shared' && geteuid?.() !== 0,
              })),
            ],
            equip: async (pid) => {
              await network.layCables(machine.cards, pid, work.signal);
              await network.layLoneTaps(alone ?? [], pid, work.signal);
              onCables();
            },
          }),
      args,
      folder: dir.path,
      run,
      lock: opened.descriptor,
      alive: network.alive,
      signal: work.signal,
    });
  } catch (error) {
    await rm(dir.qemuPid, { force: true });
    throw error;
  }
}

/** Nothing keeps a guest from making root's files set-user-ID ones but the filter around a confined QEMU. */
async function asUnconfined(
  machine: Machine,
  { dir, work }: { readonly dir: InstanceReading['dir']; readonly work: Work },
): Promise<Machine> {
  if (geteuid?.() !== 0 || machine.shares.length === 0) return machine;
  work.warn(`"${dir.name}" is without its native mounts: its QEMU does not run in a sandbox here`);
  const path = await emptyFolder(dir);
  return { ...machine, shares: machine.shares.map((share) => ({ ...share, path })) };
}

/** Files in `run/` that the next run has nothing of. */
const OF_ONE_RUN = [
  ...['answered', 'stop-at.json', CONSOLE_FIFO, 'qemu.log', 'qemu.pid', 'qemu.pid.new'],
];

/**
 * Removes what an earlier run left, but for what is learnt of the guest, and whatever would lead our writing into it,
 * and QEMU's, to a file somewhere else: no run of ours leaves links, but a copy or an archive may bring them.
 */
async function removeRun({ dir }: InstanceReading, keepConsole: boolean): Promise<void> {
  const files = [...OF_ONE_RUN, SOCKETS];
  try {
    for (const file of await readdir(dir.run)) {
      const entry = await lstat(dir.runFile(file));
      const isLinked = entry.isSymbolicLink() || (entry.isFile() && entry.nlink > 1);
      if (isLinked) await rm(dir.runFile(file));
    }
    for (const file of files) await rm(dir.runFile(file), { recursive: true, force: true });
    if (keepConsole) return;
    for (const file of [dir.consoleLog, dir.olderConsoleLog]) await rm(file, { force: true });
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

/** What is kept of a machine that begins now. */
export function recordOf(machine: Machine): MachineRecord {
  return { machine, started: new Date().toISOString() };
}
