import type { StoreLayout } from '../store/layout.js';
import type { LogOptions } from './guest/read-log.js';
import type { WorkRequest } from '../work.js';
import { isNotFound } from './errors.js';
import { viewInstance } from './list-instances.js';
import { LiveStates } from './live-state.js';
import { readInstance, type InstanceReading } from './read-instance.js';
import type { ImageRecord } from './records/image-record.js';
import type { InstanceSpec } from './records/spec.js';
import { readSnapshots } from './read-snapshots.js';
import { snapshotViews } from './snapshots/snapshot-list.js';
import { strayTags, type StrayTag } from './snapshots/stray-tags.js';
import type { InstanceState } from './state.js';
import type { InstanceView, SnapshotView } from './views.js';

/** What a handle tells of itself in a log: of an instance that is gone no more than the name. */
export type InstanceSummary =
  | InstanceView
  | {
      /** The instance's name. */
      readonly name: string;
    };

/**
 * What an instance tells of itself. It keeps nothing but the name: whatever it is asked, it looks at the folder, so
 * that nothing it says is stale. What should stay as it was is a value: `view()`, `spec`. All but `toJSON` throw what
 * opening an instance throws, once it is gone or Broken.
 */
export class InstanceHandle {
  /** The instance's name. */
  readonly name: string;
  readonly #layout: StoreLayout;

  /** @internal */
  protected constructor(layout: StoreLayout, name: string) {
    this.#layout = layout;
    this.name = name;
  }

  get #reading(): InstanceReading {
    return readInstance(this.#layout, this.name);
  }

  /** What the user asked for: cpus, memory, interfaces, mounts, … */
  get spec(): InstanceSpec {
    return this.#reading.spec;
  }

  /** Where its disk came from, and which instance it was cloned from. */
  get image(): ImageRecord {
    return this.#reading.image;
  }

  /** Its state at this moment. */
  get state(): InstanceState {
    return new LiveStates(this.#layout).of(this.#reading);
  }

  /**
   * All that its folder says at this moment, as `list` has it: a value, of a Broken one too.
   * @throws MultipassError INSTANCE_NOT_FOUND
   */
  view(): InstanceView {
    return viewInstance(this.#layout, this.name);
  }

  /**
   * The same, and of one that runs what its guest tells: addresses, release, load, memory. One that does not answer
   * within some seconds tells nothing.
   * @throws MultipassError INSTANCE_NOT_FOUND, ABORTED
   */
  async info(options: WorkRequest = {}): Promise<InstanceView> {
    const { withRuntime } = await import('./guest/ask-instances.js');
    const about = { layout: this.#layout, signal: options.work?.signal };
    const [view = this.view()] = await withRuntime([this.view()], about);
    return view;
  }

  /**
   * What its guest wrote to its console in this run, or in the last one, or what its QEMU had to say: of a Broken one,
   * too. A megabyte of the console is kept.
   * @throws MultipassError INSTANCE_NOT_FOUND, ABORTED, PERMISSION_DENIED, IO_ERROR
   * @example
   * ```ts
   * for await (const text of vm.logs({ follow: true })) process.stdout.write(text);
   * ```
   */
  async *logs(options: LogOptions = {}): AsyncGenerator<string, void> {
    const { readLog } = await import('./guest/read-log.js');
    yield* readLog({ ...options, layout: this.#layout, name: this.name });
  }

  /** What `JSON.stringify` writes of it; never fails. */
  toJSON(): InstanceSummary {
    try {
      return this.view();
    } catch (error) {
      if (isNotFound(error)) return { name: this.name };
      throw error;
    }
  }

  /** What `console.log` shows of it. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    const summary = this.toJSON();
    return `${this.constructor.name}(${this.name}, ${'state' in summary ? summary.state : 'gone'})`;
  }

  /**
   * The internal snapshots that its disk holds without a record: nobody but their owner deletes them.
   * @throws RecordError when a snapshot's record cannot be read
   */
  strayTags(): StrayTag[] {
    const reading = this.#reading;
    return strayTags(reading, readSnapshots(reading.dir, reading.pending));
  }

  /** Its snapshots in the order they were taken. @throws RecordError when one cannot be read */
  snapshots(): SnapshotView[] {
    const { name, dir, pending } = this.#reading;
    return snapshotViews(name, readSnapshots(dir, pending));
  }
}
