import type { StoreLayout } from '../store/layout.js';
import { cloneInstance, type CloneProgress } from './clone/clone-instance.js';
import { deleteInstance, purgeInstance, recoverInstance } from './delete-instance.js';
import type { SnapshotView } from './instance-view.js';
import { readInstance, type InstanceReading } from './read-instance.js';
import type { ImageRecord } from './records/image-record.js';
import type { InstanceSpec } from './records/spec.js';
import { readSnapshots, snapshotViews } from './snapshots.js';
import type { InstanceState } from './state.js';
import type { WorkOptions } from './upkeep.js';

/** How a clone is made. */
export interface CloneOptions extends WorkOptions {
  /** Called as the copy goes on. */
  readonly onProgress?: ((progress: CloneProgress) => void) | undefined;
}

/**
 * One instance of a store: what its folder said when it was opened, and what can be done with it. It copies itself
 * (the prototype pattern): its folder is all there is to it.
 */
export class VirtualMachine {
  readonly #layout: StoreLayout;
  readonly #reading: InstanceReading;

  private constructor(layout: StoreLayout, reading: InstanceReading) {
    this.#layout = layout;
    this.#reading = reading;
  }

  /**
   * Opens an instance by its name; takes no lock and writes nothing.
   * @throws MultipassError INSTANCE_NOT_FOUND; RecordError, INSTANCE_BROKEN, DISK_INVALID when it is Broken
   */
  static open(layout: StoreLayout, name: string): VirtualMachine {
    return new VirtualMachine(layout, readInstance(layout, name));
  }

  get name(): string {
    return this.#reading.name;
  }

  /** What the user asked for: cpus, memory, interfaces, mounts, … */
  get spec(): InstanceSpec {
    return this.#reading.spec;
  }

  /** Where its disk came from, and which instance it was cloned from. */
  get image(): ImageRecord {
    return this.#reading.image;
  }

  /** The state at the time it was opened. */
  get state(): InstanceState {
    return this.#reading.state;
  }

  /** Its snapshots in the order they were taken. @throws RecordError when one cannot be read */
  snapshots(): SnapshotView[] {
    const { name, dir, pending } = this.#reading;
    return snapshotViews(name, readSnapshots(dir, pending));
  }

  /**
   * Makes a copy of this instance, with its own uuid, MAC addresses, instance-id and hostname, and nothing shared
   * that either could change. Once this resolves the copy survives a power cut; when it rejects there is none.
   *
   * @param name of the copy; without one the first free `<this name>-cloneN`
   * @throws MultipassError NAME_TAKEN, INVALID_NAME, INSTANCE_NOT_STOPPED, DISK_FULL, ABORTED, …
   * @example
   * ```ts
   * const vm = await openStore().get('web');
   * const copy = await vm.clone('web-2');
   * console.log(copy.spec.interfaces[0].mac.toString());
   * ```
   */
  async clone(name?: string, options: CloneOptions = {}): Promise<VirtualMachine> {
    const report = await cloneInstance({
      ...options,
      layout: this.#layout,
      source: this.name,
      name,
    });
    return VirtualMachine.open(this.#layout, report.clones[0]?.name ?? '');
  }

  /** Soft-deletes it: `recover` brings it back. @throws MultipassError INSTANCE_NOT_STOPPED, … */
  async delete(options: WorkOptions = {}): Promise<void> {
    await deleteInstance(this.#layout, this.name, options);
  }

  /** Undoes {@link delete}. */
  async recover(options: WorkOptions = {}): Promise<void> {
    await recoverInstance(this.#layout, this.name, options);
  }

  /** Removes it for good, with its data. @throws MultipassError INSTANCE_NOT_STOPPED, … */
  async purge(options: WorkOptions = {}): Promise<void> {
    await purgeInstance(this.#layout, this.name, options);
  }
}
