import type { StoreLayout } from '../store/layout.js';
import { cloneInstance } from './clone/clone-instance.js';
import type { CloneChoices } from './clone/clone-request.js';
import type { CloneReport } from './clone/report.js';
import { deleteInstance, purgeInstance, recoverInstance } from './delete-instance.js';
import { flattenInstance } from './flatten-instance.js';
import { GuestAccess } from './guest-access.js';
import { isNotFound } from './errors.js';
import { viewInstance } from './list-instances.js';
import type { InstanceView, SnapshotView } from './views.js';
import { LiveStates } from './live-state.js';
import type { MountChoices } from './mounts/mount-folder.js';
import { readInstance, type InstanceReading } from './read-instance.js';
import { renameInstance } from './rename-instance.js';
import { restartInstance } from './run/restart-instance.js';
import { startInstance } from './run/start-instance.js';
import { stopInstance } from './run/stop-instance.js';
import { suspendInstance } from './run/suspend-instance.js';
import type { ImageRecord } from './records/image-record.js';
import type { SnapshotRecord } from './records/snapshot-record.js';
import type { InstanceSpec } from './records/spec.js';
import { readSnapshots, snapshotViews } from './snapshots/snapshot-list.js';
import type { RestoreSnapshotRequest } from './snapshots/restore-snapshot.js';
import type { SnapshotTexts } from './snapshots/take-snapshot.js';
import type { InstanceState } from './state.js';
import type { WorkRequest } from '../work.js';

/** How a clone is made: from a snapshot, linked, with other resources, … */
export interface CloneOptions extends WorkRequest, CloneChoices {}

/** How an instance is started. */
export interface StartOptions extends WorkRequest {
  /** How long the guest may take to let us in, in milliseconds. Default 5 minutes. */
  readonly timeoutMs?: number | undefined;
}

/** What becomes of the present state when a snapshot is restored. */
export type RestoreOptions = Omit<RestoreSnapshotRequest, 'layout' | 'name' | 'snapshot'>;

/** What a handle tells of itself in a log: of an instance that is gone no more than the name. */
export type InstanceSummary = InstanceView | { readonly name: string };

/**
 * One instance of a store, and what can be done with it. It copies itself (the prototype pattern): its folder is all
 * there is to it. This is a handle that keeps nothing but the name: whatever it is asked, it looks at the folder, so
 * that nothing it says is stale. What should stay as it was is a value: `view()`, `spec`.
 */
export class VirtualMachine extends GuestAccess {
  readonly #layout: StoreLayout;

  private constructor(layout: StoreLayout, name: string) {
    super(layout, name);
    this.#layout = layout;
  }

  /**
   * Opens an instance by its name; takes no lock and writes nothing.
   * @throws MultipassError INSTANCE_NOT_FOUND; RecordError, INSTANCE_BROKEN, DISK_INVALID when it is Broken
   */
  static open(layout: StoreLayout, name: string): VirtualMachine {
    return new VirtualMachine(layout, readInstance(layout, name).name);
  }

  get #reading(): InstanceReading {
    return readInstance(this.#layout, this.name);
  }

  /** What the user asked for: cpus, memory, interfaces, mounts, … @throws as {@link VirtualMachine.open} */
  get spec(): InstanceSpec {
    return this.#reading.spec;
  }

  /** Where its disk came from, and which instance it was cloned from. @throws as {@link VirtualMachine.open} */
  get image(): ImageRecord {
    return this.#reading.image;
  }

  /** Its state at this moment. @throws as {@link VirtualMachine.open} */
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
    return `VirtualMachine(${this.name}, ${'state' in summary ? summary.state : 'gone'})`;
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
  async clone(
    name?: string,
    options?: CloneOptions & { readonly dryRun?: false | undefined },
  ): Promise<VirtualMachine>;
  /** The plan of a clone: nothing is written. */
  async clone(
    name: string | undefined,
    options: CloneOptions & { readonly dryRun: true },
  ): Promise<CloneReport>;
  async clone(name?: string, options: CloneOptions = {}): Promise<VirtualMachine | CloneReport> {
    const about = { layout: this.#layout, source: this.name, name };
    const report = await cloneInstance({ ...options, ...about });
    return options.dryRun === true ? report : this.#cloneOf(report)[0];
  }

  /**
   * Makes several copies: all of them or none.
   * @param pattern their names, where `{n}` stands for 1, 2, …; without one the next free `<this name>-cloneN`
   * @throws MultipassError as {@link clone}; one name that is taken fails all
   */
  async cloneMany(
    count: number,
    pattern?: string,
    options: CloneOptions & { readonly dryRun?: false | undefined } = {},
  ): Promise<VirtualMachine[]> {
    const about = { layout: this.#layout, source: this.name, count, name: pattern };
    return this.#cloneOf(await cloneInstance({ ...options, ...about }));
  }

  /**
   * Gives it another name; snapshots, mounts and identity stay.
   * @returns the instance under its new name: this object stands for the old one, which is gone
   * @throws MultipassError INSTANCE_NOT_STOPPED, NAME_TAKEN, INVALID_NAME, …
   */
  async rename(newName: string, options: WorkRequest = {}): Promise<VirtualMachine> {
    await renameInstance({ ...options, layout: this.#layout, name: this.name, newName });
    return VirtualMachine.open(this.#layout, newName);
  }

  /** Makes it stand on nothing but its own disk. @returns false when it did before @throws INSTANCE_NOT_STOPPED, … */
  async flatten(options: WorkRequest = {}): Promise<boolean> {
    return await flattenInstance({ ...options, layout: this.#layout, name: this.name });
  }

  /**
   * Starts or resumes it, and waits until it can be entered; nothing happens when it runs already.
   * @throws MultipassError TIMED_OUT, QEMU_FAILED, INSTANCE_SUSPENDED, MAC_TAKEN, …
   */
  async start(options: StartOptions = {}): Promise<void> {
    await startInstance({ ...options, layout: this.#layout, name: this.name });
  }

  /**
   * Shuts its guest down, or cuts its power with `force`.
   * @throws MultipassError GUEST_SILENT, INSTANCE_SUSPENDED, …
   */
  async stop(options: WorkRequest & { readonly force?: boolean } = {}): Promise<void> {
    await stopInstance({ ...options, layout: this.#layout, name: this.name });
  }

  /** Saves its memory and ends its QEMU; {@link start} goes on from there. @throws MultipassError DISK_FULL, … */
  async suspend(options: WorkRequest = {}): Promise<void> {
    await suspendInstance({ ...options, layout: this.#layout, name: this.name });
  }

  /**
   * Reboots its guest, or resets its machine with `force`.
   * @throws MultipassError INSTANCE_NOT_RUNNING, TIMED_OUT, …
   */
  async restart(options: StartOptions & { readonly force?: boolean } = {}): Promise<void> {
    await restartInstance({ ...options, layout: this.#layout, name: this.name });
  }

  /**
   * Mounts a folder of the host in it: now if it runs, and at every start to come.
   * @returns where it is in the guest
   * @throws MultipassError MOUNT_EXISTS, MOUNT_FAILED, INVALID_ARGUMENT; INSTANCE_NOT_STOPPED for a native one
   */
  async mount(source: string, options: MountChoices & WorkRequest = {}): Promise<string> {
    const { mountFolder } = await import('./mounts/mount-folder.js');
    return await mountFolder({ ...options, layout: this.#layout, name: this.name, source });
  }

  /**
   * Takes a mount off it, or all of them.
   * @throws MultipassError MOUNT_NOT_FOUND; MOUNT_FAILED while the guest uses it
   */
  async unmount(target?: string, options: WorkRequest = {}): Promise<void> {
    const { unmountFolder } = await import('./mounts/unmount-folder.js');
    await unmountFolder({ ...options, layout: this.#layout, name: this.name, target });
  }

  /**
   * Takes a snapshot of this instance, which must be stopped; it survives a power cut once this resolves.
   * @throws MultipassError INSTANCE_NOT_STOPPED, INVALID_NAME, SNAPSHOT_EXISTS, DISK_FULL, …
   */
  async snapshot(options: SnapshotTexts & WorkRequest = {}): Promise<SnapshotRecord> {
    const { takeSnapshot } = await import('./snapshots/take-snapshot.js');
    const { work, ...texts } = options;
    return await takeSnapshot({ layout: this.#layout, name: this.name, texts, work });
  }

  /**
   * Brings this instance, which must be stopped, back to one of its snapshots. Its present state is lost, unless it is
   * kept in a snapshot of its own.
   * @throws MultipassError INSTANCE_NOT_STOPPED, SNAPSHOT_NOT_FOUND, DISK_FULL, …
   */
  async restore(name: string, options: RestoreOptions = {}): Promise<void> {
    const { restoreSnapshot } = await import('./snapshots/restore-snapshot.js');
    const about = { layout: this.#layout, name: this.name, snapshot: name };
    await restoreSnapshot({ ...options, ...about });
  }

  /**
   * Deletes one of its snapshots for good; the children of that become its parent's.
   * @throws MultipassError INSTANCE_NOT_STOPPED when it is running, SNAPSHOT_NOT_FOUND, …
   */
  async deleteSnapshot(name: string, options: WorkRequest = {}): Promise<void> {
    const { deleteSnapshot } = await import('./snapshots/delete-snapshot.js');
    const about = { layout: this.#layout, name: this.name, snapshot: name };
    await deleteSnapshot({ ...options, ...about });
  }

  /** Soft-deletes it: `recover` brings it back. @throws MultipassError INSTANCE_NOT_STOPPED, … */
  async delete(options: WorkRequest = {}): Promise<void> {
    await deleteInstance(this.#layout, this.name, options);
  }

  /** Undoes {@link delete}. */
  async recover(options: WorkRequest = {}): Promise<void> {
    await recoverInstance(this.#layout, this.name, options);
  }

  /** Removes it for good, with its data. @throws MultipassError INSTANCE_NOT_STOPPED, … */
  async purge(options: WorkRequest = {}): Promise<void> {
    await purgeInstance(this.#layout, this.name, options);
  }

  #cloneOf(report: CloneReport): [VirtualMachine, ...VirtualMachine[]] {
    const [first, ...rest] = report.clones.map(({ name }) =>
      VirtualMachine.open(this.#layout, name),
    );
    if (first === undefined) throw new Error('a clone without a clone');
    return [first, ...rest];
  }
}
