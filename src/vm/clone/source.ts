import { MultipassError } from '../../errors.js';
import type { Work } from '../../work.js';
import { copyState, type CopiedDisk, type CopyDiskRequest } from '../disks/copy-disk.js';
import { SourceWatch } from '../disks/source-watch.js';
import { canOnlyCloneStopped } from '../errors.js';
import { freezeRunning } from '../live/freeze-running.js';
import type { Moment, StandstillRequest } from '../live/standstill.js';
import { noteWork } from '../run/note-work.js';
import { lookAt, openInstance, type OpenedInstance, type StateRequest } from '../open.js';
import { isRunning, type InstanceReading } from '../read-instance.js';
import { readSeed, type Seed } from '../seed/seed.js';
import { isLinked, type CloneRequest } from './clone-request.js';
import { freeze, isFrozen } from './freeze.js';
import { copyRunning } from './copy-running.js';
import { withRunning } from '../run/running-source.js';
import type { WarmClone } from '../warm/warm-clone.js';

/** What goes with a source that runs. */
interface Running {
  /** Tells others that it is cloned. */
  readonly note: AsyncDisposable;
}

/**
 * An instance that is being copied: a stopped one under its shared lock, so that nothing starts or changes it
 * meanwhile; a running one as it was at one moment.
 */
export class CloneSource implements AsyncDisposable {
  readonly reading: InstanceReading;
  readonly seed: Seed | null;
  readonly #opened: OpenedInstance;
  readonly #how: SourceWatch | Running;
  readonly #warm: WarmClone | null;
  #moment: Moment = { consistency: 'stopped', pauseMs: 0 };

  private constructor(
    opened: OpenedInstance,
    { how, warm }: { how: SourceWatch | Running; warm: WarmClone | null },
  ) {
    this.#warm = warm;
    this.reading = opened.reading;
    this.seed = readSeed(opened.reading.dir.seed);
    this.#opened = opened;
    this.#how = how;
  }

  /** The moment of which its disk is copied. */
  get moment(): Moment {
    return this.#moment;
  }

  /**
   * Opens a source: for linked clones its head is frozen first, under the exclusive lock, which is then shared, or
   * while it runs; and the first look at the files of one that does not is remembered.
   * @param warm has its memory taken at the same moment; null: that is left behind
   * @param early looks before anything is locked or written, and may refuse
   * @throws MultipassError as {@link lookAtSource}; ABORTED, DISK_FULL, …
   */
  static async open(
    request: CloneRequest,
    { work, warm, early }: SourceOptions,
  ): Promise<CloneSource> {
    const { layout, source } = request;
    const linked = isLinked(request);
    const opened = await openInstance(layout, source, {
      ...stateRequest(request),
      copy: 'allowed',
      work,
      early,
      hold: isLive(request) ? 'live' : 'shared',
      isReady: (reading) => !linked || reading.disk.snapshots.length > 0 || isFrozen(reading),
      prepare: (exclusive) => freeze(exclusive, work),
    });
    try {
      if (opened.reading.state === 'Running')
        return await CloneSource.#running(opened, request, { work, warm });
      const { dir } = opened.reading;
      const watch = await SourceWatch.begin([dir.disk, dir.spec, dir.seed], work.signal);
      opened.reread();
      return new CloneSource(opened, { how: watch, warm });
    } catch (error) {
      await opened[Symbol.asyncDispose]();
      throw error;
    }
  }

  static async #running(
    opened: OpenedInstance,
    clone: CloneRequest,
    { work, warm }: Pick<SourceOptions, 'work' | 'warm'>,
  ): Promise<CloneSource> {
    const note = await noteWork(clone.layout, clone.source, 'clone');
    const request = { opened, work };
    try {
      // A base never holds internal snapshots: such a head is copied instead, and stays.
      const isFrozen = isLinked(clone) && opened.reading.disk.snapshots.length === 0;
      const moment = isFrozen
        ? await withRunning(request, (running) => freezeRunning(takingToo(warm, running)))
        : null;
      if (isFrozen) opened.reread();
      const running = new CloneSource(opened, { how: { note }, warm });
      if (moment !== null) running.#moment = moment;
      return running;
    } catch (error) {
      await note[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Copies its disk as {@link copyState} does; that of a running one as it is at one moment, which this is.
   * @throws as {@link copyState}, {@link copyRunning}
   */
  async copyDisk(request: CopyDiskRequest): Promise<CopiedDisk> {
    if (this.#how instanceof SourceWatch) return await copyState(request);
    const { moment, ...copied } = await copyRunning(this.#opened, {
      ...request,
      prepare: (running) => takingToo(this.#warm, running),
    });
    this.#moment = moment;
    return copied;
  }

  /**
   * The last check before a clone is published: the files are what they were, and nothing runs on them. What was copied
   * of a running one is nobody's to change.
   * @throws MultipassError INSTANCE_CHANGED, INSTANCE_NOT_STOPPED, LOCK_LOST
   */
  requireUnchanged(): void {
    if (this.#how instanceof SourceWatch) {
      this.#how.requireUnchanged();
      const { dir, name } = this.reading;
      if (isRunning(dir)) throw canOnlyCloneStopped(name, 'Running');
    }
    this.#opened.assertHeld();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!(this.#how instanceof SourceWatch)) await this.#how.note[Symbol.asyncDispose]();
    await this.#opened[Symbol.asyncDispose]();
  }
}

/** How a source is opened. */
interface SourceOptions {
  readonly work: Work;
  readonly warm: WarmClone | null;
  readonly early: (reading: InstanceReading) => Promise<void>;
}

function isLive({ live = false, warm = false, snapshot }: CloneRequest): boolean {
  return live || (warm && snapshot === undefined);
}

/** The memory is of the same moment as the disk; what an agent has frozen would be frozen in it for ever. */
function takingToo(warm: WarmClone | null, running: StandstillRequest): StandstillRequest {
  if (warm === null) return running;
  if (!running.isRunning) {
    throw new MultipassError('INSTANCE_NOT_RUNNING', `"${running.dir.name}" stands still`, {
      hint: `Let it go on first: \`multipass start ${running.dir.name}\`.`,
      details: { name: running.dir.name },
    });
  }
  return { ...running, isAgentLeft: true, whileStill: async () => await warm.take(running) };
}

/**
 * Looks at an instance that is to be cloned: it is stopped, or suspended or running and that does not matter.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, INSTANCE_NOT_STOPPED (Multipass's texts),
 *   DISK_INVALID; what makes it Broken
 */
export function lookAtSource(request: CloneRequest): InstanceReading {
  return lookAt(request.layout, request.source, stateRequest(request));
}

function stateRequest(request: CloneRequest): StateRequest {
  const { snapshot, cold, warm } = request;
  // A snapshot is of a stopped machine, whatever has become of it since.
  const isMemoryLeft = cold === true || warm === true || snapshot !== undefined;
  return {
    for: 'clone',
    states: [
      'Stopped',
      ...(isMemoryLeft ? (['Suspended'] as const) : []),
      ...(isLive(request) ? (['Running'] as const) : []),
    ],
    refuse: canOnlyCloneStopped,
    disk: 'own',
  };
}
