import { codeOf } from '../model/calls.js';
import { callsOf, wholeOf, type Ended, type Program, type Run } from './program.js';
import { qemuImg } from './qemu-img.js';

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
