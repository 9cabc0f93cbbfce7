import type { Work } from '../../work.js';
import { SourceWatch } from '../disks/source-watch.js';
import { canOnlyCloneStopped } from '../errors.js';
import { lookAt, openInstance, type OpenedInstance, type StateRequest } from '../open.js';
import { isRunning, type InstanceReading } from '../read-instance.js';
import { readSeed, type Seed } from '../seed/seed.js';
import type { CloneRequest } from './clone-request.js';
import { freeze, isFrozen } from './freeze.js';

/** A stopped instance that is being copied, under its shared lock: nothing starts or changes it meanwhile. */
export class CloneSource implements AsyncDisposable {
  readonly reading: InstanceReading;
  readonly seed: Seed | null;
  readonly #opened: OpenedInstance;
  readonly #watch: SourceWatch;

  private constructor(opened: OpenedInstance, watch: SourceWatch) {
    this.reading = opened.reading;
    this.seed = readSeed(opened.reading.dir.seed);
    this.#opened = opened;
    this.#watch = watch;
  }

  /**
   * Opens a source: for linked clones its head is frozen first, under the exclusive lock, which is then shared; and the
   * first look at its files is remembered.
   * @param early looks before anything is locked or written, and may refuse
   * @throws MultipassError as {@link lookAtSource}; ABORTED, DISK_FULL, …
   */
  static async open(
    request: CloneRequest,
    work: Work,
    early: (reading: InstanceReading) => Promise<void>,
  ): Promise<CloneSource> {
    const { layout, source, linked = false } = request;
    const opened = await openInstance(layout, source, {
      ...stateRequest(request),
      copy: 'allowed',
      work,
      early,
      hold: 'shared',
      isReady: (reading) => !linked || reading.disk.snapshots.length > 0 || isFrozen(reading),
      prepare: (exclusive) => freeze(exclusive, work),
    });
    try {
      const { dir } = opened.reading;
      const watch = await SourceWatch.begin([dir.disk, dir.spec, dir.seed], work.signal);
      opened.reread();
      return new CloneSource(opened, watch);
    } catch (error) {
      await opened[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * The last check before a clone is published: the files are what they were, and nothing runs on them.
   * @throws MultipassError INSTANCE_CHANGED, INSTANCE_NOT_STOPPED, LOCK_LOST
   */
  requireUnchanged(): void {
    this.#watch.requireUnchanged();
    const { dir, name } = this.reading;
    if (isRunning(dir)) throw canOnlyCloneStopped(name, 'Running');
    this.#opened.assertHeld();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened[Symbol.asyncDispose]();
  }
}

/**
 * Looks at an instance that is to be cloned: it is stopped, or suspended and that does not matter.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, INSTANCE_NOT_STOPPED (Multipass's texts),
 *   DISK_INVALID; what makes it Broken
 */
export function lookAtSource(request: CloneRequest): InstanceReading {
  return lookAt(request.layout, request.source, stateRequest(request));
}

function stateRequest({ snapshot, cold }: CloneRequest): StateRequest {
  // A snapshot is of a stopped machine, whatever has become of it since.
  const isMemoryLeft = cold === true || snapshot !== undefined;
  return {
    for: 'clone',
    states: isMemoryLeft ? ['Stopped', 'Suspended'] : ['Stopped'],
    refuse: canOnlyCloneStopped,
    disk: 'own',
  };
}
