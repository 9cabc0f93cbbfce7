import type { StoreLayout } from '../store/layout.js';
import { cloneInstance } from './clone/clone-instance.js';
import type { CloneChoices, CloneRequest } from './clone/clone-request.js';
import { EphemeralLease, ephemeralOf, sweepEphemeral } from './ephemeral.js';
import type { CloneReport } from './clone/report.js';
import { deleteInstance, purgeInstance, recoverInstance } from './delete-instance.js';
import { flattenInstance } from './flatten-instance.js';
import { GuestAccess } from './guest-access.js';
import { isNotFound } from './errors.js';
import type { MountChoices } from './mounts/mount-folder.js';
import { readInstance } from './read-instance.js';
import { renameInstance } from './rename-instance.js';
import { restartInstance } from './run/restart-instance.js';
import { startInstance } from './run/start-instance.js';
import { stopInstance } from './run/stop-instance.js';
import { suspendInstance } from './run/suspend-instance.js';
import type { SnapshotRecord } from './records/snapshot-record.js';
import type { RestoreSnapshotRequest } from './snapshots/restore-snapshot.js';
import type { SnapshotTexts } from './snapshots/take-snapshot.js';
import type { WorkRequest } from '../work.js';

/** How a clone is made: from a snapshot, linked, with other resources, … */
export interface CloneOptions extends WorkRequest, CloneChoices {
  /**
   * True: the clone ends with the block of an `await using`, with its store's, or with this process, however that ends:
   * what was not purged by then, the next command that changes the store purges, running or not.
   */
  readonly ephemeral?: boolean | undefined;
  /** True, or how: the clone is started. An ephemeral one whose start fails is purged. */
  readonly start?: boolean | StartOptions | undefined;
}

/** How an instance is started. */
export interface StartOptions extends WorkRequest {
  /** How long the guest may take to let us in, in milliseconds. Default 5 minutes. */
  readonly timeoutMs?: number | undefined;
}

/** What becomes of the present state when a snapshot is restored. */
export type RestoreOptions = Omit<RestoreSnapshotRequest, 'layout' | 'name' | 'snapshot'>;

/**
 * One instance of a store, and what can be done with it. It copies itself (the prototype pattern): its folder is all
 * there is to it, and this a handle, which keeps nothing but the name.
 */
export class VirtualMachine extends GuestAccess implements AsyncDisposable {
  readonly #layout: StoreLayout;
  #lease: EphemeralLease | undefined;

  /** @internal */
  private constructor(layout: StoreLayout, name: string) {
    super(layout, name);
    this.#layout = layout;
  }

  /**
   * Opens an instance by its name; takes no lock and writes nothing.
   * @internal Users have `store.get`.
   * @throws MultipassError INSTANCE_NOT_FOUND; RecordError, INSTANCE_BROKEN, DISK_INVALID when it is Broken
   */
  static open(layout: StoreLayout, name: string): VirtualMachine {
    return new VirtualMachine(layout, readInstance(layout, name).name);
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
    if (options.dryRun === true) {
      return await cloneInstance({ ...options, layout: this.#layout, source: this.name, name });
    }
    const [copy] = await this.#copies({ name }, options);
    if (copy === undefined) throw new Error('a clone without a clone');
    return copy;
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
    return await this.#copies({ count, name: pattern }, options);
  }

  /**
   * Gives it another name; snapshots, mounts and identity stay.
   * @returns the instance under its new name: this object stands for the old one, which is gone
   * @throws MultipassError INSTANCE_NOT_STOPPED, NAME_TAKEN, INVALID_NAME, …
   */
  async rename(newName: string, options: WorkRequest = {}): Promise<VirtualMachine> {
    await renameInstance({ ...options, layout: this.#layout, name: this.name, newName });
    const renamed = VirtualMachine.open(this.#layout, newName);
    renamed.#endWith(this.#lease);
    this.#forget();
    return renamed;
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

  /** Makes an ephemeral instance one that stays; any other stays so. */
  async keep(): Promise<void> {
    await this.#lease?.release();
    this.#forget();
  }

  /**
   * Purges an ephemeral instance, running or not; does nothing for any other.
   * @throws MultipassError what purging throws: then it is left to the next command after this process
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const lease = this.#lease;
    if (lease === undefined) return;
    try {
      await purgeInstance(this.#layout, this.name, { uuid: lease.uuid });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    await this.keep();
  }

  /** @internal Resolves when an ephemeral instance is purged or kept; never for any other. */
  get ended(): Promise<void> {
    return this.#lease?.ended ?? new Promise(() => undefined);
  }

  async #copies(
    about: Pick<CloneRequest, 'name' | 'count'>,
    { ephemeral = false, start = false, ...options }: CloneOptions,
  ): Promise<VirtualMachine[]> {
    const layout = this.#layout;
    const leases = new Map<string, EphemeralLease>();
    if (ephemeral) await sweepEphemeral(layout);
    const beforePublish = async (uuids: readonly string[]): Promise<void> => {
      for (const uuid of uuids) leases.set(uuid, await EphemeralLease.take(layout, uuid));
    };
    let copies: VirtualMachine[] = [];
    try {
      const request = { ...options, ...about, layout, source: this.name };
      const report = await cloneInstance(ephemeral ? { ...request, beforePublish } : request);
      copies = report.clones.map(({ name, identity }) => {
        const copy = VirtualMachine.open(layout, name);
        copy.#endWith(leases.get(identity.uuid.new ?? ''));
        return copy;
      });
      const how = start === true ? { work: options.work } : start;
      if (how !== false) for (const copy of copies) await copy.start(how);
      return copies;
    } catch (error) {
      for (const copy of copies) await copy[Symbol.asyncDispose]();
      for (const lease of leases.values()) await lease.release();
      throw error;
    }
  }

  #endWith(lease: EphemeralLease | undefined): void {
    if (lease === undefined) return;
    this.#lease = lease;
    ephemeralOf(this.#layout).add(this);
  }

  #forget(): void {
    this.#lease = undefined;
    ephemeralOf(this.#layout).delete(this);
  }
}
