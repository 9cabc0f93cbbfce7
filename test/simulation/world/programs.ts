import { call, FsCalls, codeOf, type Caller } from '../model/calls.js';
import { qemuImg } from './qemu-img.js';
import type { VirtualProcess } from './virtual-process.js';

/** How a program ends. */
export interface Ended {
  readonly exitCode: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

/** A program as it is run. */
export interface Run {
  readonly self: VirtualProcess;
  readonly args: readonly string[];
  readonly cwd: string;
}

/** A model of a program, whose calls are a process's own. */
export type Program = (run: Run) => Promise<Ended>;

/** The programs that there are on the simulated machine. */
export const PROGRAMS: Readonly<Record<string, Program>> = { flock, cp, sync, 'qemu-img': qemuImg };

const LOCK_FD = 3;

/** flock(1) on an open descriptor. */
async function flock({ self, args }: Run): Promise<Ended> {
  const mode = args.includes('-s') ? 'shared' : 'exclusive';
  const file = self.descriptors.get(LOCK_FD);
  if (file === undefined) return { exitCode: 65, stderr: 'flock: 3: Bad file descriptor' };
  const label = `flock ${args.join(' ')} ${file.path}`;
  if (args.includes('-n')) {
    const isTaken = await self.world.step(self, { label, work: () => file.tryLock(mode) });
    return { exitCode: isTaken ? 0 : 1 };
  }
  const isFree = (): boolean =>
    [...file.inode.locks].every(
      (other) => other === file || (mode === 'shared' && other.lock === 'shared'),
    );
  await self.world.step(self, { label, isReady: isFree, work: () => file.tryLock(mode) });
  return { exitCode: 0 };
}

/** cp of one file to a place where none is, piece by piece. */
async function cp({ self, args }: Run): Promise<Ended> {
  const [from = '', to = ''] = args.slice(args.indexOf('--') + 1);
  const calls = callsOf(self);
  const { later } = self.drivers;
  try {
    const data = await later(wholeOf(calls, from));
    const target = await later(calls.open(to, { flags: 'w', mode: 0o600 }));
    const half = Math.ceil(data.length / 2);
    await later(calls.write(target, data.subarray(0, half), null));
    await later(calls.write(target, data.subarray(half), null));
    await later(calls.close(target));
    return { exitCode: 0 };
  } catch (error) {
    return { exitCode: 1, stderr: `cp: ${codeOf(error) ?? String(error)}` };
  }
}

/** sync of the file system that a path is on. */
async function sync({ self, args }: Run): Promise<Ended> {
  const { world } = self;
  await world.step(self, {
    label: `syncfs ${args.at(-1) ?? ''}`,
    work: () => {
      world.journal.settle();
    },
  });
  return { exitCode: 0 };
}

/** The calls of a program. */
export function callsOf(self: VirtualProcess): FsCalls {
  const { files, canShare } = self.world;
  const caller: Caller = {
    files,
    canShare,
    descriptors: self.descriptors,
    special: () => undefined,
  };
  return new FsCalls(caller);
}

/** A file's content in one call. */
export function* wholeOf(calls: FsCalls, path: string): ReturnType<typeof call<Buffer>> {
  const { files } = calls.caller;
  return yield* call(
    `read all of ${path}`,
    () => files.stat(path, { follow: true, syscall: 'open' }).data,
  );
}
