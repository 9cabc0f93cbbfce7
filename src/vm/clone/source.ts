import { errnoOf, MultipassError } from '../../errors.js';
import { checkStoreFormat } from '../../store/format.js';
import type { StoreLayout } from '../../store/layout.js';
import { InstanceLock } from '../../store/lock.js';
import { readSeed, type Seed } from '../seed/seed.js';
import { SourceWatch } from '../disks/source-watch.js';
import { canOnlyCloneStopped, instanceDeleted, instanceNotFound } from '../errors.js';
import { isRunning, readInstance, type InstanceReading } from '../read-instance.js';
import { openForChange } from '../open.js';
import type { CloneChoices, SourceRequest as Base } from './clone-request.js';
import { freeze, isFrozen } from './freeze.js';

/** What may be cloned besides a stopped instance, and how it is made ready. */
export interface SourceRequest extends Base, Pick<CloneChoices, 'snapshot' | 'linked' | 'cold'> {}

/** A stopped instance that is being copied, under its shared lock: nothing starts or changes it meanwhile. */
export class CloneSource implements AsyncDisposable {
  readonly reading: InstanceReading;
  readonly seed: Seed | null;
  readonly #lock: InstanceLock;
  readonly #watch: SourceWatch;

  private constructor(
    reading: InstanceReading,
    seed: Seed | null,
    lock: InstanceLock,
    watch: SourceWatch,
  ) {
    this.reading = reading;
    this.seed = seed;
    this.#lock = lock;
    this.#watch = watch;
  }

  /**
   * Opens a source: an unfinished operation is finished first, for linked clones it is frozen, then its shared lock is
   * taken and the first look at its files is remembered.
   * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, INSTANCE_NOT_STOPPED, …; what makes it Broken
   */
  static async open(request: SourceRequest): Promise<CloneSource> {
    const { layout, source, signal } = request;
    const lock = await lockSettled(request);
    try {
      const { dir } = requireCloneable(layout, source, request);
      const watch = await SourceWatch.begin([dir.disk, dir.spec, dir.seed], signal);
      const reading = requireCloneable(layout, source, request);
      return new CloneSource(reading, readSeed(dir.seed), lock, watch);
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /**
   * The last check before a clone is published: the files are what they were, and nothing runs on them.
   * @throws MultipassError INSTANCE_CHANGED, INSTANCE_NOT_STOPPED, LOCK_LOST
   */
  requireUnchanged(): void {
    this.#watch.requireUnchanged();
    refuseIfRunning(this.reading);
    this.#lock.assertHeld();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lock.release();
  }
}

/**
 * Looks at an instance and makes sure that it can be cloned: it is stopped, or suspended and that does not matter.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, INSTANCE_NOT_STOPPED (Multipass's texts),
 *   DISK_INVALID; what makes it Broken
 */
export function requireCloneable(
  layout: StoreLayout,
  name: string,
  choices: Pick<CloneChoices, 'snapshot' | 'cold'> = {},
): InstanceReading {
  if (!checkStoreFormat(layout)) throw instanceNotFound(name);
  const reading = readInstance(layout, name);
  if (reading.state === 'Deleted') throw instanceDeleted(name);
  // A snapshot is of a stopped machine, whatever has become of it since.
  const isCold = choices.cold === true || choices.snapshot !== undefined;
  const isCloneable = reading.state === 'Stopped' || (reading.state === 'Suspended' && isCold);
  if (!isCloneable) throw canOnlyCloneStopped(name, reading.state);
  const { corrupt, externalData } = reading.disk;
  if (!corrupt && !externalData) return reading;
  throw new MultipassError(
    'DISK_INVALID',
    `"${reading.dir.disk}" ${corrupt ? 'is marked as corrupt' : 'keeps its data in another file'}`,
    {
      hint: corrupt
        ? 'Try `qemu-img check -r all` on a copy of it.'
        : 'Convert it with `qemu-img convert -O qcow2` first.',
      details: { path: reading.dir.disk },
    },
  );
}

async function lockSettled(request: SourceRequest): Promise<InstanceLock> {
  const { layout, source } = request;
  for (;;) {
    const seen = requireCloneable(layout, source, request);
    if (!isReady(seen, request)) await makeReady(request);
    const lock = await lockShared(request, seen);
    // Somebody may have begun, and been killed, or have written, between the two locks.
    if (isReady(readInstance(layout, source), request)) return lock;
    await lock.release();
  }
}

/** Finishes what is pending, and freezes the head where it is to be shared. */
async function makeReady(request: SourceRequest): Promise<void> {
  const { layout, source, signal } = request;
  const opened = await openForChange(layout, source, 'clone', request);
  try {
    requireCloneable(layout, source, request);
    if (!isReady(opened.reading, request)) await freeze(layout, opened, signal);
  } finally {
    await opened.lock.release();
  }
}

function isReady(reading: InstanceReading, { linked = false }: SourceRequest): boolean {
  if (reading.pending !== undefined || reading.uncleanEnd) return false;
  return !linked || reading.disk.snapshots.length > 0 || isFrozen(reading);
}

async function lockShared(request: SourceRequest, seen: InstanceReading): Promise<InstanceLock> {
  const { layout, source, signal } = request;
  try {
    return await InstanceLock.take(layout, source, {
      mode: 'shared',
      purpose: 'clone',
      signal,
      onWait: (holders) => request.onWait?.(source, holders),
      whileWaiting: () => refuseIfRunning(seen),
    });
  } catch (error) {
    if (error instanceof MultipassError || errnoOf(error) !== 'ENOENT') throw error;
    throw instanceNotFound(source);
  }
}

function refuseIfRunning(reading: InstanceReading): void {
  if (isRunning(reading.dir)) throw canOnlyCloneStopped(reading.name, 'Running');
}
