import { replaceRecord } from '../files/record.js';
import { readQcow2 } from '../qemu/qcow2-header.js';
import type { StoreLayout } from '../store/layout.js';
import type { Work } from '../work.js';
import type { InstanceHold } from './lock-instance.js';
import { performOperation } from './pending/perform.js';
import { readInstance, type InstanceReading } from './read-instance.js';
import type { PendingOperation } from './records/pending-record.js';
import type { InstanceSpec } from './records/spec.js';

/** What is held, and what was read of it while it was. */
interface Held {
  readonly layout: StoreLayout;
  readonly lock: InstanceHold;
  readonly reading: InstanceReading;
}

/**
 * An instance that is held open: nobody else changes it until it is disposed of. Its `reading` is one look at the
 * folder, updated by every change that is made through this object.
 */
export class OpenedInstance implements AsyncDisposable {
  readonly layout: StoreLayout;
  readonly #lock: InstanceHold;
  #reading: InstanceReading;

  constructor({ layout, lock, reading }: Held) {
    this.layout = layout;
    this.#lock = lock;
    this.#reading = reading;
  }

  /** Reads an instance that is held; the hold is given up when it cannot be read. @throws as `readInstance` */
  static async reading(held: {
    readonly layout: StoreLayout;
    readonly name: string;
    readonly lock: InstanceHold;
    readonly previous?: InstanceReading;
  }): Promise<OpenedInstance> {
    const { layout, name, lock, previous } = held;
    try {
      const options = previous === undefined ? { remember: true } : { previous };
      return new OpenedInstance({ layout, lock, reading: readInstance(layout, name, options) });
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  get name(): string {
    return this.#reading.name;
  }

  get reading(): InstanceReading {
    return this.#reading;
  }

  /** The descriptor of the kernel's lock, to be handed to QEMU; undefined without flock(1). */
  get descriptor(): number | undefined {
    return this.#lock.descriptor;
  }

  /** @throws MultipassError LOCK_LOST when another process may have taken it over; call before a commit point */
  assertHeld(): void {
    this.#lock.assertHeld();
  }

  /** Reads it once more; records that are the very same files are not opened again. */
  reread(): InstanceReading {
    const previous = this.#reading;
    this.#reading = readInstance(this.layout, this.name, { previous });
    return this.#reading;
  }

  /** Writes a change of its spec, atomically and durably. @throws MultipassError LOCK_LOST, DISK_FULL, … */
  async writeSpec(change: Partial<InstanceSpec>): Promise<void> {
    const { dir } = this.#reading;
    const spec = { ...this.#reading.spec, ...change };
    this.assertHeld();
    await replaceRecord(dir.spec, spec);
    this.#reading = { ...this.#reading, spec, print: undefined };
  }

  /**
   * Does an operation in place. When it is killed after its commit point, the next command that opens the instance
   * finishes it.
   * @throws as {@link performOperation}; LOCK_LOST
   */
  async perform(operation: PendingOperation, work: Work): Promise<void> {
    const { dir } = this.#reading;
    this.assertHeld();
    await performOperation(dir, operation, work.signal);
    const spec = operation.spec ?? this.#reading.spec;
    this.#reading = { ...this.#reading, spec, disk: readQcow2(dir.disk), print: undefined };
  }

  /**
   * Lets others share it, and reads it again: the kernel may have let somebody in meanwhile, so what the caller knew of
   * it may not be true any more.
   */
  async toShared(work: Work): Promise<InstanceReading> {
    await this.#lock.toShared(work.signal);
    return this.reread();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lock.release();
  }
}
