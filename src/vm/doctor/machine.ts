import { lstatSync, realpathSync } from 'node:fs';
import { MultipassError } from '../../errors.js';
import { formatMemorySize } from '../../memory-size.js';
import { findProgram } from '../../process/programs.js';
import { PERMIT_SANDBOX } from '../../process/sandbox-hint.js';
import { sandboxProblem } from '../../process/sandbox-probe.js';
import { canOpen, KVM_DEVICE, kvmRunsGuests } from '../../qemu/accelerator.js';
import type { Accelerator } from '../../qemu/machine.js';
import type { StoreLayout } from '../../store/layout.js';
import { instanceEntryNames } from '../../store/listing.js';
import { isShared } from '../../store/store-host.js';
import type { Work } from '../../work.js';
import { fileSystemOf, type FileSystemFacts } from '../disks/file-system.js';
import { readFindings } from '../run/accelerator-record.js';
import { qemuProgram, qemuTarget } from '../run/qemu-program.js';
import { readSettings, type Environment, type Settings } from '../settings/settings.js';
import { diagnosisOf, type Diagnosis, type FindingKind } from './finding.js';
import { checkPrograms } from './programs.js';

/** A guest that is launched wants about as much. */
const LITTLE_ROOM = 2 * 1024 ** 3;
/** Clocks may differ by so much among hosts that share files. */
const CLOCK_TOLERANCE_MS = 5 * 60 * 1000;

/** What can be done on this machine. */
export interface MachineFacts {
  /** What guests would run on; null when none would run. */
  readonly accelerator: Accelerator | null;
  /** Whether QEMU runs in a sandbox. */
  readonly sandbox: boolean;
  /** That of the store; null where there is no store yet. */
  readonly fileSystem: FileSystemFacts | null;
}

/** Which machine is examined. */
export interface MachineRequest {
  readonly layout: StoreLayout;
  readonly work: Work;
  readonly env: Environment;
  /** Whether the image server is asked. */
  readonly online: boolean;
}

/** Whether this machine can do the work: programs, hardware, sandbox, room, clock. Writes nothing. */
export async function examineMachine(
  request: MachineRequest,
): Promise<{ readonly machine: MachineFacts; readonly found: readonly Diagnosis[] }> {
  const { layout, env, online } = request;
  const found: Diagnosis[] = [];
  const note: Note = (kind, message, hint) =>
    void found.push(diagnosisOf(kind, null, { path: null, message, hint }));
  const settings = settingsIfAny(layout, env);
  const qemu = qemuProgram(qemuTarget().arch);
  found.push(...(await checkPrograms(qemu, settings)));
  const accelerator = await acceleratorOf(request, settings, note);
  const sandbox = await checkSandbox(qemu, note);
  const fileSystem = await checkFileSystem(layout, note);
  if (fileSystem !== null) checkClock(layout, note);
  if (online) await askServer(request, settings, note);
  return { machine: { accelerator, sandbox, fileSystem }, found };
}

type Note = (kind: FindingKind, message: string, hint: string) => void;

async function acceleratorOf(
  { layout, work }: MachineRequest,
  settings: Settings | undefined,
  note: Note,
): Promise<Accelerator | null> {
  const program = qemuProgram(qemuTarget().arch);
  if (findProgram(program) === undefined) return null;
  const wanted = settings?.accelerator ?? 'auto';
  if (wanted === 'tcg') return 'tcg';
  const isReachable = await canOpen(KVM_DEVICE);
  if (wanted === 'kvm') {
    if (isReachable) return 'kvm';
    note(
      'accelerator-unavailable',
      `guests are to run with KVM, and ${KVM_DEVICE} cannot be opened`,
      'Join the group that may (`ls -l /dev/kvm`), or let it be chosen: `multipass set local.accelerator=auto`.',
    );
    return null;
  }
  const { signal } = work;
  const works =
    isReachable && (readFindings(layout).works ?? (await kvmRunsGuests({ program, signal })));
  if (works) return 'kvm';
  const [why, hint] = isReachable
    ? [
        `KVM is there (${KVM_DEVICE}), but a guest that was tried did not run to its end`,
        'Have nested virtualization put right on the host of this machine, if it is a virtual one.',
      ]
    : [
        `${KVM_DEVICE} is not there, or cannot be opened by this user`,
        'Join the group of /dev/kvm, load the module kvm, or have nested virtualization switched on for this machine.',
      ];
  note('accelerator-software', `guests run in software, many times slower: ${why}`, hint);
  return 'tcg';
}

async function checkSandbox(qemu: string, note: Note): Promise<boolean> {
  const program = findProgram(qemu) ?? findProgram('qemu-img');
  // Missing programs are told of by themselves.
  if (program === undefined || findProgram('bwrap') === undefined) return false;
  const problem = await sandboxProblem(realpathSync(program));
  if (problem === undefined) return true;
  note(
    'sandbox-unavailable',
    `QEMU is in no sandbox, and there are no classic mounts: bubblewrap does not work here: ${problem}`,
    `${PERMIT_SANDBOX}.`,
  );
  return false;
}

async function checkFileSystem(layout: StoreLayout, note: Note): Promise<FileSystemFacts | null> {
  if (lstatSync(layout.root, { throwIfNoEntry: false }) === undefined) return null;
  const facts = await fileSystemOf(layout.root);
  if (facts.freeBytes < LITTLE_ROOM) {
    note(
      'room-low',
      `there are ${formatMemorySize(facts.freeBytes)} free on the file system of "${layout.root}"`,
      'Free some space, for example with `multipass purge` and `multipass purge --images`.',
    );
  }
  if (await isShared(layout)) {
    note(
      'file-system-shared',
      `the store "${layout.root}" is on a file system that other hosts may share (${facts.name})`,
      'Use it on one host alone; a local file system is faster, and its locks can be relied upon.',
    );
  }
  return facts;
}

function checkClock(layout: StoreLayout, note: Note): void {
  const paths = [layout.formatFile, layout.instances, layout.macs, layout.locks].concat(
    instanceEntryNames(layout).map((name) => `${layout.instances}/${name}`),
  );
  const newest = Math.max(0, ...paths.map(timeOf));
  if (newest <= Date.now() + CLOCK_TOLERANCE_MS) return;
  note(
    'clock-behind',
    `the clock of this machine is behind: something in the store was changed at ${new Date(newest).toISOString()}`,
    'Set the clock (`timedatectl`): certificates, and what is younger than what, depend on it.',
  );
}

function timeOf(path: string): number {
  return lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

async function askServer(
  { work }: MachineRequest,
  settings: Settings | undefined,
  note: Note,
): Promise<void> {
  const { findImages } = await import('../images/find-images.js');
  try {
    await findImages({ mirror: settings?.imageMirror ?? null, remote: 'release', work });
  } catch (error) {
    work.throwIfAborted();
    if (!(error instanceof MultipassError)) throw error;
    note('image-server-unreachable', error.message, error.hint ?? 'Look at the network.');
  }
}

/** That they cannot be read is told with the other records. */
function settingsIfAny(layout: StoreLayout, env: Environment): Settings | undefined {
  try {
    return readSettings(layout, env);
  } catch (error) {
    if (error instanceof MultipassError) return undefined;
    throw error;
  }
}
