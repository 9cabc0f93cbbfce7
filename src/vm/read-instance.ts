import { lstatSync, readdirSync } from 'node:fs';
import { errnoOf, fromSystemError, MultipassError, RecordError } from '../errors.js';
import { hasSnapshotNamed, readQcow2, type Qcow2Facts } from '../qemu/qcow2-header.js';
import type { InstanceDir } from '../store/instance-dir.js';
import type { StoreLayout } from '../store/layout.js';
import { notedProcess, type NotedProcess } from '../store/pid-file.js';
import { readRecord, readRecordIfAny } from '../files/record.js';
import { instanceNotFound, isNotFound } from './errors.js';
import type { Problem } from './views.js';
import { isValidName } from './names.js';
import { decodePending, type PendingOperation } from './records/pending-record.js';
import { decodeImageRecord, type ImageRecord } from './records/image-record.js';
import { decodeSpec, type InstanceSpec } from './records/spec.js';
import type { InstanceState } from './state.js';

/** qcow2 tag of a suspended instance's RAM, as Multipass names it. */
export const SUSPEND_TAG = 'suspend';

/** How often a folder is read before it counts as Broken: a rename under the reader passes, a fault stays. */
const ATTEMPTS = 3;

/** All that one look at an instance's folder tells. */
export interface InstanceReading {
  readonly name: string;
  readonly dir: InstanceDir;
  /** With an operation pending: the spec as it will be. */
  readonly spec: InstanceSpec;
  readonly image: ImageRecord;
  readonly disk: Qcow2Facts;
  readonly state: Exclude<InstanceState, 'Broken'>;
  readonly pending: PendingOperation | undefined;
  /** A QEMU died without its farewell: the disk wants a check before the next start, clone or snapshot. */
  readonly uncleanEnd: boolean;
  /**
   * Which files `spec` and `image` were read from, by device, inode, size and times. Undefined with an operation
   * pending, and where it will not be read again.
   */
  readonly print: string | undefined;
}

/** How an instance is read. */
export interface ReadOptions {
  /** It will be read again ({@link previous}). */
  readonly remember?: boolean;
  /** An earlier reading: records that are the very same files are not read again. */
  readonly previous?: InstanceReading;
}

/**
 * Looks at an instance without a lock, writing nothing. Synchronous: see {@link readRecord}.
 * @throws MultipassError INSTANCE_NOT_FOUND; RecordError, DISK_INVALID or INSTANCE_BROKEN for a broken one
 */
export function readInstance(
  layout: StoreLayout,
  name: string,
  options: ReadOptions = {},
): InstanceReading {
  if (!isValidName(name)) throw instanceNotFound(name);
  const dir = layout.instance(name);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return readFolder(dir, options);
    } catch (error) {
      const meaning = meaningOf(error, dir);
      if (isNotFound(meaning) || attempt === ATTEMPTS) throw meaning;
    }
  }
}

/**
 * Looks at an instance's folder that need not be in the store, once; nothing in it leads anywhere else.
 * @throws RecordError, DISK_INVALID or INSTANCE_BROKEN for a broken one; INSTANCE_NOT_FOUND for an empty one
 */
export function readInstanceFolder(dir: InstanceDir): InstanceReading {
  try {
    return readFolder(dir, {});
  } catch (error) {
    throw meaningOf(error, dir);
  }
}

/**
 * True while the QEMU of the instance lives. Its kernel lock is the authority; this is for those who take none. A pid
 * that cannot be read is no QEMU's.
 */
export function isRunning(dir: InstanceDir): boolean {
  try {
    return runningQemu(dir) !== undefined;
  } catch (error) {
    if (error instanceof MultipassError) return false;
    throw error;
  }
}

/**
 * Makes sure that there is a folder which a lock may be put into.
 * @throws MultipassError INSTANCE_NOT_FOUND for an empty one or none; INSTANCE_BROKEN for a link or a file
 */
export function requireFolder(dir: InstanceDir): void {
  try {
    const entry = lstatSync(dir.path, { throwIfNoEntry: false });
    if (entry?.isDirectory() === false) throw notOfItsOwn(dir.path);
    if (isEmptyOrGone(dir)) throw instanceNotFound(dir.name);
  } catch (error) {
    throw meaningOf(error, dir);
  }
}

/** Whether there is an instance of that name, Broken or deleted ones included. */
export function exists(layout: StoreLayout, name: string): boolean {
  if (!isValidName(name)) return false;
  try {
    requireFolder(layout.instance(name));
    return true;
  } catch (error) {
    if (error instanceof MultipassError) return !isNotFound(error);
    throw error;
  }
}

/** Why an instance is Broken, as `list` shows it: path relative to the store. */
export function problemOf(error: unknown, layout: StoreLayout, dir: InstanceDir): Problem {
  if (!(error instanceof MultipassError)) throw error;
  const { path } = error.details;
  return {
    path: layout.relative(typeof path === 'string' ? path : dir.path),
    at: error instanceof RecordError ? error.fault.at : '',
    message: error.message,
    hint: error.hint ?? 'Look at the file; nothing was changed.',
  };
}

function readFolder(dir: InstanceDir, { remember, previous }: ReadOptions): InstanceReading {
  if (!lstatSync(dir.path).isDirectory()) throw notOfItsOwn(dir.path);
  // Taken before they are read: what is replaced meanwhile has another print the next time.
  const print = remember === true || previous !== undefined ? printOf(dir) : undefined;
  const known = print !== undefined && previous?.print === print ? previous : undefined;
  const recorded = known?.spec ?? decodeSpec(readRecord(dir.spec));
  const image = known?.image ?? decodeImageRecord(readRecord(dir.imageRecord));
  const pendingPlace = readRecordIfAny(dir.pending);
  const pending = pendingPlace === undefined ? undefined : decodePending(pendingPlace);
  const spec = pending?.spec ?? recorded;
  requireRegularFile(dir.disk);
  const disk = readQcow2(dir.disk);
  // Where there are none `list` need not look; whoever opens it to write has another look.
  if (spec.snapshotHead !== 0 || print !== undefined) isFolder(dir.snapshots);
  const qemu = lookForQemu(dir);
  return {
    name: dir.name,
    dir,
    spec,
    image,
    disk,
    state: stateOf(dir, { spec, disk, qemu }),
    pending,
    uncleanEnd: qemu === 'ended',
    print: pending === undefined ? print : undefined,
  };
}

/** Records are replaced by a rename, so another content is another file. */
function printOf(dir: InstanceDir): string {
  return [dir.spec, dir.imageRecord]
    .map((path) => lstatSync(path, { bigint: true }))
    .map(({ dev, ino, size, mtimeNs, ctimeNs }) => [dev, ino, size, mtimeNs, ctimeNs].join(':'))
    .join(' ');
}

function stateOf(
  dir: InstanceDir,
  { spec, disk, qemu }: { spec: InstanceSpec; disk: Qcow2Facts; qemu: NotedProcess },
): InstanceReading['state'] {
  if (spec.deleted) return 'Deleted';
  if (typeof qemu === 'number') return 'Running';
  return hasSnapshotNamed(disk, SUSPEND_TAG) || isToBeRenewed(dir) ? 'Suspended' : 'Stopped';
}

/**
 * Whether the guest of an instance has another's memory, and is to have an identity of its own before anybody meets it.
 */
export function isToBeRenewed(dir: InstanceDir): boolean {
  return lstatSync(dir.memory, { throwIfNoEntry: false }) !== undefined;
}

/**
 * The pid of the instance's QEMU, at work in this very folder; undefined when it does not live.
 * @throws MultipassError when that cannot be read
 */
export function runningQemu(dir: InstanceDir): number | undefined {
  const qemu = lookForQemu(dir);
  return typeof qemu === 'number' ? qemu : undefined;
}

/** One look more at `run/` and one less at its file: most instances of a long list have none. */
function lookForQemu(dir: InstanceDir): NotedProcess {
  return isFolder(dir.run) ? notedProcess(dir.qemuPid, dir.path) : 'none';
}

/**
 * Whether there is a folder of that name in an instance's. A link there would lead what is written into it to somewhere
 * else.
 * @throws MultipassError INSTANCE_BROKEN for a link or a file; PERMISSION_DENIED, IO_ERROR
 */
export function isFolder(path: string): boolean {
  try {
    const entry = lstatSync(path, { throwIfNoEntry: false });
    if (entry?.isDirectory() === false) throw notOfItsOwn(path);
    return entry !== undefined;
  } catch (error) {
    throw fromSystemError(error, 'read', path);
  }
}

function notOfItsOwn(path: string): MultipassError {
  return new MultipassError('INSTANCE_BROKEN', `"${path}" is not a folder of its own`, {
    hint: 'Put the folder itself in its place: links are not followed.',
    details: { path },
  });
}

function requireRegularFile(path: string): void {
  if (lstatSync(path).isFile()) return;
  throw new MultipassError('INSTANCE_BROKEN', `"${path}" is not a regular file`, {
    hint: 'Put the disk itself in its place: links are not followed.',
    details: { path },
  });
}

function meaningOf(error: unknown, dir: InstanceDir): unknown {
  if (errnoOf(error) === 'ENOENT') return whatIsMissing(dir, error);
  return fromSystemError(error, `read "${dir.name}"`, dir.path);
}

/** A folder without a file it needs is Broken; an empty one is nothing; and one that is gone was never there. */
function whatIsMissing(dir: InstanceDir, cause: unknown): MultipassError {
  const path = (cause as NodeJS.ErrnoException).path ?? dir.path;
  if (isEmptyOrGone(dir)) return instanceNotFound(dir.name);
  return new MultipassError('INSTANCE_BROKEN', `"${path}" is missing`, {
    hint: 'Put the file back from a copy, or remove the rest with `multipass delete --purge`.',
    details: { path },
    cause,
  });
}

function isEmptyOrGone(dir: InstanceDir): boolean {
  try {
    return readdirSync(dir.path).length === 0;
  } catch (error) {
    return errnoOf(error) === 'ENOENT';
  }
}
