import { lstatSync } from 'node:fs';
import { atOnce } from '../../at-once.js';
import { MultipassError } from '../../errors.js';
import { checkAndRepairLeaks, checkDisk, type DiskHealth } from '../../qemu/qemu-img.js';
import { requireOnlyName, requireOwnDisk } from '../disks/own-disk.js';
import { backingChain } from '../disks/backing-chain.js';
import { isRunning, type InstanceReading } from '../read-instance.js';
import { listImages } from '../images/vault.js';
import type { Examination } from './examination.js';
import type { FindingKind } from './finding.js';
import { whileLocked } from './mends.js';

/** So many disks are checked at once. */
const AT_ONCE = 2;

/** What qemu-img has said of a disk, by what the file was then: mending is followed by another look. */
export type CheckedDisks = Map<string, DiskHealth>;

interface Disk {
  readonly path: string;
  readonly damaged: FindingKind;
  /** Of a head. */
  readonly reading?: InstanceReading;
}

/** Looks at every disk, and has qemu-img check those that nobody writes to. */
export function checkDisks(known: CheckedDisks) {
  return async (examination: Examination): Promise<void> => {
    const disks = [...headsAndBases(examination), ...(await images(examination))];
    const seen = new Set<string>();
    const once = disks.filter(({ path }) => isFirst(seen, path));
    const { work } = examination;
    work.begin('examining', null);
    let done = 0;
    await atOnce(once, AT_ONCE, async (disk) => {
      await checkOne(examination, known, disk);
      work.advance((done += 1) / once.length);
    });
  };
}

function* headsAndBases(examination: Examination): Generator<Disk> {
  for (const { name, reading } of examination.instances) {
    if (reading === undefined || examination.isBusy(name)) continue;
    const { dir, disk, pending, uncleanEnd, state } = reading;
    const problem = problemOf(() => requireOwnDisk(reading));
    if (problem !== undefined) {
      const { message, hint = '', details } = problem;
      const kind = 'backing' in details ? 'base-missing' : 'disk-invalid';
      const path = typeof details['path'] === 'string' ? details['path'] : dir.disk;
      examination.note(kind, { instance: name, path, message, hint });
      continue;
    }
    const shared = problemOf(() => requireOnlyName(dir));
    if (shared !== undefined) {
      const { message, hint = '' } = shared;
      examination.note('disk-has-other-names', { instance: name, path: dir.disk, message, hint });
    }
    // What is finished, or repaired, before it is used next is not sound now, and need not be.
    if (state !== 'Running' && pending === undefined && !uncleanEnd) {
      yield { path: dir.disk, damaged: 'disk-damaged', reading };
    }
    for (const base of backingChain(dir, disk)) {
      yield { path: dir.file(base), damaged: 'base-damaged' };
    }
  }
}

async function images({ layout }: Examination): Promise<Disk[]> {
  const found = await listImages(layout);
  return found.map(({ dir }) => ({ path: dir.disk, damaged: 'image-damaged' }));
}

async function checkOne(
  examination: Examination,
  known: CheckedDisks,
  { path, damaged, reading }: Disk,
): Promise<void> {
  const instance = reading?.name ?? instanceOf(examination, path);
  const before = diskPrint(path);
  let health = known.get(before);
  try {
    health ??= await checkDisk(path, { foreign: 'qcow2', signal: examination.work.signal });
  } catch (error) {
    const problem = problemOf(() => {
      throw error;
    });
    if (problem === undefined || problem.code === 'ABORTED' || diskPrint(path) !== before) return;
    const { message, hint = '' } = problem;
    examination.note('disk-not-checked', { instance, path, message, hint });
    return;
  }
  // Somebody was faster, and has begun to use it.
  if (diskPrint(path) !== before || (reading !== undefined && isRunning(reading.dir))) return;
  known.set(before, health);
  if (health === 'damaged') {
    examination.note(damaged, {
      instance,
      path,
      message: `the disk "${path}" is damaged`,
      hint: 'Look at it with `qemu-img check`, and put back a copy of it.',
    });
  } else if (health === 'leaks' && reading !== undefined) {
    examination.note('disk-leaks', {
      instance,
      path,
      message: `the disk "${path}" has clusters that nothing refers to: they take space, and nothing else`,
      hint: 'Free them with `multipass doctor --fix`.',
      mend: whileLocked(reading.name, ({ work: { signal } }) =>
        checkAndRepairLeaks(path, { signal }),
      ),
    });
  }
}

function instanceOf({ instances }: Examination, path: string): string | undefined {
  return instances.find(({ dir }) => path.startsWith(`${dir.path}/`))?.name;
}

function problemOf(act: () => void): MultipassError | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof MultipassError) return error;
    throw error;
  }
}

/** Bases are hard links, of which one look serves all. */
function isFirst(seen: Set<string>, path: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return false;
  const key = `${stats.dev}:${stats.ino}`;
  if (seen.has(key)) return false;
  seen.add(key);
  return true;
}

/** What a disk is, as {@link CheckedDisks} has it. @internal for its tests */
export function diskPrint(path: string): string {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? '' : [stats.dev, stats.ino, stats.size, stats.mtimeNs].join(':');
}
