import { hasCode, MultipassError } from '../errors.js';
import { checkStoreFormat } from '../store/format.js';
import type { InstanceDir } from '../store/instance-dir.js';
import type { StoreLayout } from '../store/layout.js';
import type { Work } from '../work.js';
import {
  instanceDeleted,
  instanceIsRunning,
  instanceNotFound,
  instanceNotRunning,
} from './errors.js';
import { requireOnlyName, requireOwnDisk } from './disks/own-disk.js';
import { isCopyOf, originalOf } from './copies.js';
import { lockInstance, lockLive, lockMounts, type InstanceHold } from './lock-instance.js';
import { isValidName } from './names.js';
import { OpenedInstance } from './opened-instance.js';
import { settle } from './pending/settle.js';
import { isRunning, readInstance, type InstanceReading } from './read-instance.js';
import { prepareStore } from './sweep.js';

export { OpenedInstance } from './opened-instance.js';

/** The state of an instance whose records can be read. */
export type ReadableState = InstanceReading['state'];

/** The state of an instance that is not deleted. */
export type LivingState = Exclude<ReadableState, 'Deleted'>;

/** Who is looked at, and which state it must be in. */
export interface StateRequest {
  /** The command, in a word: for the message of a refusal, and for those who wait for the lock. */
  readonly for: string;
  /** The states it may be in. */
  readonly states: readonly ReadableState[];
  /** The error for another state, where a command has a text of its own. */
  readonly refuse?: ((name: string, state: LivingState) => Error) | undefined;
  /** The same for one that is deleted. */
  readonly refuseDeleted?: ((name: string) => Error) | undefined;
  /** `refused` (default): when it is opened it must be no copy, made by hand, of another one's folder. */
  readonly copy?: 'refused' | 'allowed' | undefined;
  /** `own` (default): its disk must be one that can be worked with; `any`: the disk does not matter. */
  readonly disk?: 'own' | 'any' | undefined;
}

/** How an instance is opened. */
export interface OpenRequest extends StateRequest {
  readonly work: Work;
  /**
   * What is held while it is open:
   * - `exclusive` (default): its lock, alone
   * - `shared`: its lock, with others who only read it
   * - `mounts`: its spec and its mounts, whether it runs or not. A running instance's lock is its QEMU's, so there its
   *   mounts have one of their own; whoever takes the instance's lock afterwards waits for that
   * - `live`: as `shared` when it does not run; of a running one, what is done to its disk, likewise
   */
  readonly hold?: 'exclusive' | 'shared' | 'mounts' | 'live' | undefined;
  /**
   * Looks at it before anything is locked or written, and may refuse: so that a command that cannot work says so at
   * once, and leaves a store that it does not change as it is. What it saw may be otherwise a moment later.
   */
  readonly early?: ((reading: InstanceReading) => void | Promise<void>) | undefined;
  /** How the same command has looked at it before; without it, that is done first. */
  readonly seen?: InstanceReading | undefined;
  /** With `shared`: whether it can be read as it is. Where not, it is prepared under the exclusive lock first. */
  readonly isReady?: ((reading: InstanceReading) => boolean) | undefined;
  readonly prepare?: ((opened: OpenedInstance) => Promise<void>) | undefined;
}

/** Any state of an instance that is not deleted. */
export const ANY_STATE: readonly LivingState[] = ['Running', 'Stopped', 'Suspended'];
/** The states in which nothing runs. */
export const AT_REST: readonly LivingState[] = ['Stopped', 'Suspended'];

/**
 * Reads an instance and checks its state, without a lock and without writing; for commands that change nothing, and for
 * the first look of those that do.
 * @throws MultipassError INSTANCE_NOT_FOUND, STORE_TOO_NEW; INSTANCE_DELETED, INSTANCE_NOT_STOPPED, … or the refusal
 *   for a state it may not be in; what makes it Broken
 */
export function lookAt(layout: StoreLayout, name: string, request: StateRequest): InstanceReading {
  if (!isValidName(name) || !checkStoreFormat(layout)) throw instanceNotFound(name);
  return inState(readInstance(layout, name, { remember: true }), request);
}

/**
 * Opens an instance for a command that changes it, or that relies on nobody else changing it; the only way to do so. In
 * this order: a look without a lock, the sweep, the lock, the end of what a killed command left unfinished, one
 * reading, and one check of its state and disk. Dispose of the result (`await using`).
 * @throws MultipassError as {@link lookAt}; INSTANCE_IS_COPY; INSTANCE_NOT_STOPPED (or the refusal) when it was started
 *   meanwhile; ABORTED, DISK_FULL, …
 */
export async function openInstance(
  layout: StoreLayout,
  name: string,
  request: OpenRequest,
): Promise<OpenedInstance> {
  const seen =
    request.seen === undefined ? lookAt(layout, name, request) : inState(request.seen, request);
  if (request.copy !== 'allowed') requireNoCopy(layout, seen);
  await request.early?.(seen);
  await prepareStore(layout, { exists: true });
  switch (request.hold) {
    case 'mounts':
      return await openEvenRunning(layout, name, {
        request,
        seen,
        lock: lockMounts,
        atRest: async () => await openExclusive(layout, name, request),
      });
    case 'live':
      return await openEvenRunning(layout, name, {
        request,
        seen,
        lock: lockLive,
        atRest: async (reading) =>
          await openShared(layout, name, {
            request: { ...request, hold: 'shared' },
            seen: reading,
          }),
      });
    case 'shared':
      return await openShared(layout, name, { request, seen });
    default:
      return await openExclusive(layout, name, request);
  }
}

function requireNoCopy(layout: StoreLayout, reading: InstanceReading): void {
  const original = originalOf(layout, reading);
  if (original !== undefined) throw isCopyOf(reading.dir, original);
}

async function openExclusive(
  layout: StoreLayout,
  name: string,
  request: OpenRequest,
): Promise<OpenedInstance> {
  const { work } = request;
  const lock = await lockInstance(layout, name, { ...request, mode: 'exclusive' });
  try {
    const reading = await settle(layout, name, work);
    const opened = new OpenedInstance({ layout, lock, reading: inState(reading, request) });
    if (request.disk !== 'any' && request.hold !== 'shared') requireOnlyName(reading.dir);
    return opened;
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function openShared(
  layout: StoreLayout,
  name: string,
  { request, seen }: { request: OpenRequest; seen: InstanceReading },
): Promise<OpenedInstance> {
  const { work } = request;
  const isReady = (reading: InstanceReading): boolean =>
    reading.pending === undefined && !reading.uncleanEnd && request.isReady?.(reading) !== false;
  for (let reading = seen; ;) {
    let opened: OpenedInstance;
    if (looksReady(reading, isReady)) {
      const lock = await lockInstance(layout, name, { ...request, mode: 'shared' });
      opened = await OpenedInstance.reading({ layout, name, lock });
    } else {
      opened = await openExclusive(layout, name, request);
      if (!isReady(opened.reading)) await disposeOnError(opened, () => request.prepare?.(opened));
      await disposeOnError(opened, () => opened.toShared(work));
    }
    // Between two locks, and while one is turned into another, others may have been at it.
    reading = await disposeOnError(opened, () => inState(opened.reading, request));
    if (isReady(reading)) return opened;
    await opened[Symbol.asyncDispose]();
  }
}

/** Without its lock it may be gone by now: who takes that finds out, and says so. */
function looksReady(
  reading: InstanceReading,
  isReady: (reading: InstanceReading) => boolean,
): boolean {
  try {
    return isReady(reading);
  } catch (error) {
    if (!(error instanceof MultipassError)) throw error;
    return false;
  }
}

/** How an instance is opened that may run, whose own lock is its QEMU's then. */
interface EvenRunning {
  readonly request: OpenRequest;
  readonly seen: InstanceReading;
  /** Takes the lock that a running one has for it. */
  readonly lock: (dir: InstanceDir, work: Work) => Promise<InstanceHold>;
  readonly atRest: (reading: InstanceReading) => Promise<OpenedInstance>;
}

async function openEvenRunning(
  layout: StoreLayout,
  name: string,
  { request, seen, lock: take, atRest }: EvenRunning,
): Promise<OpenedInstance> {
  for (let reading = seen; ; reading = lookAt(layout, name, request)) {
    if (reading.state !== 'Running') {
      try {
        return await atRest(reading);
      } catch (error) {
        const isStarted = hasCode(error, 'INSTANCE_NOT_STOPPED') && isRunning(reading.dir);
        if (!isStarted) throw error;
        continue;
      }
    }
    const lock = await take(layout.instance(name), request.work);
    const opened = await OpenedInstance.reading({ layout, name, lock, previous: reading });
    // It may have ended meanwhile; then its own lock is the one to be held.
    if (opened.reading.state === 'Running') return opened;
    await opened[Symbol.asyncDispose]();
  }
}

function inState(reading: InstanceReading, request: StateRequest): InstanceReading {
  const { name, state } = reading;
  if (request.states.includes(state)) {
    if (request.disk !== 'any') requireOwnDisk(reading);
    return reading;
  }
  if (state === 'Deleted') throw (request.refuseDeleted ?? instanceDeleted)(name);
  if (request.refuse !== undefined) throw request.refuse(name, state);
  throw request.states.includes('Running')
    ? instanceNotRunning(name)
    : instanceIsRunning(name, request.for);
}

async function disposeOnError<T>(opened: OpenedInstance, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await opened[Symbol.asyncDispose]();
    throw error;
  }
}
