import type { Writable } from 'node:stream';
import { MultipassError } from '../errors.js';
import { absolutePath } from '../files/absolute-path.js';
import type { ExportOptions, ExportReport } from './travel/export-request.js';
import type { CopyToOptions, CopyToReport } from './travel/copy-request.js';
import type { Engine, HandOverOptions, HandOverReport } from './outward/hand-over-request.js';
import type { PushOptions, PushReport } from './travel/push-request.js';
import type { StoreLayout } from '../store/layout.js';
import type { WorkRequest } from '../work.js';
import type { AdoptReport } from './adopt-instance.js';
import { GuestAccess } from './guest-access.js';
import type { MountChoices } from './mounts/mount-folder.js';
import type { SnapshotRecord } from './records/snapshot-record.js';
import type { RestartOptions } from './run/restart-instance.js';
import type { StartOptions } from './run/start-instance.js';
import type { StopOptions } from './run/stop-instance.js';
import type { RestoreOptions } from './snapshots/restore-snapshot.js';
import type { SnapshotChoices } from './snapshots/snapshot-choices.js';

/** What can be done with an instance that is neither copied nor renamed by it. */
export class InstanceControl extends GuestAccess {
  readonly #layout: StoreLayout;

  /** @internal */
  protected constructor(layout: StoreLayout, name: string) {
    super(layout, name);
    this.#layout = layout;
  }

  /**
   * Starts or resumes it, and waits until it can be entered; nothing happens when it runs already.
   * @throws MultipassError TIMED_OUT, QEMU_FAILED, INSTANCE_SUSPENDED, MAC_TAKEN, …
   */
  async start(options: StartOptions = {}): Promise<void> {
    const { startInstance } = await import('./run/start-instance.js');
    await startInstance({ ...options, layout: this.#layout, name: this.name });
  }

  /**
   * Shuts its guest down, or cuts its power with `force`; nothing happens when it is stopped already.
   * @throws MultipassError GUEST_SILENT, INSTANCE_SUSPENDED, …
   */
  async stop(options: StopOptions = {}): Promise<void> {
    const { stopInstance } = await import('./run/stop-instance.js');
    await stopInstance({ ...options, layout: this.#layout, name: this.name });
  }

  /**
   * Has its guest shut itself down later, in place of what was scheduled before; null cancels that.
   * @param minutes whole minutes from now
   * @throws MultipassError INSTANCE_NOT_RUNNING; SSH_FAILED, GUEST_SILENT; TOOL_FAILED when the guest cannot do that
   */
  async scheduleStop(minutes: number | null, options: WorkRequest = {}): Promise<void> {
    const { scheduleStop } = await import('./run/schedule-stop.js');
    await scheduleStop({ ...options, layout: this.#layout, name: this.name, minutes });
  }

  /** Saves its memory and stops it; nothing happens when it does not run. @throws MultipassError QMP_FAILED, … */
  async suspend(options: WorkRequest = {}): Promise<void> {
    const { suspendInstance } = await import('./run/suspend-instance.js');
    await suspendInstance({ ...options, layout: this.#layout, name: this.name });
  }

  /**
   * Reboots its guest, or resets its machine with `force`.
   * @throws MultipassError INSTANCE_NOT_RUNNING, TIMED_OUT, …
   */
  async restart(options: RestartOptions = {}): Promise<void> {
    const { restartInstance } = await import('./run/restart-instance.js');
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
   * @returns where in the guest they were
   * @throws MultipassError MOUNT_NOT_FOUND; MOUNT_FAILED while the guest uses it
   */
  async unmount(target?: string, options: WorkRequest = {}): Promise<string[]> {
    const { unmountFolder } = await import('./mounts/unmount-folder.js');
    return await unmountFolder({ ...options, layout: this.#layout, name: this.name, target });
  }

  /**
   * Takes a snapshot of this instance, which must be stopped, or with `live` of a running one; it survives a power cut
   * once this resolves. With `memory` it is one that a restore goes on from.
   * @throws MultipassError INSTANCE_NOT_STOPPED, INVALID_NAME, SNAPSHOT_EXISTS, DISK_FULL, …
   */
  async snapshot(options: SnapshotChoices & WorkRequest = {}): Promise<SnapshotRecord> {
    const { work, live = false, memory = false, ...texts } = options;
    const request = { layout: this.#layout, name: this.name, texts, memory, work };
    if (memory && !live) throw memoryIsLive();
    if (live) {
      const { takeLiveSnapshot } = await import('./live-snapshots/take-live-snapshot.js');
      return await takeLiveSnapshot(request);
    }
    const { takeSnapshot } = await import('./snapshots/take-snapshot.js');
    return await takeSnapshot(request);
  }

  /**
   * Brings this instance, which must be stopped, back to one of its snapshots. Its present state is lost, unless it is
   * kept in a snapshot of its own. One that holds the memory of its guest goes on from there: its clock is set; what it
   * was connected to has gone on without it.
   * @returns whether it runs now
   * @throws MultipassError INSTANCE_NOT_STOPPED, SNAPSHOT_NOT_FOUND, DISK_FULL, …; TIMED_OUT when it runs and does not
   *   let us in
   */
  async restore(
    name: string,
    options: RestoreOptions & Pick<StartOptions, 'timeoutMs'> = {},
  ): Promise<boolean> {
    const { restoreAndGoOn } = await import('./live-snapshots/restore-and-go-on.js');
    const about = { layout: this.#layout, name: this.name, snapshot: name };
    return await restoreAndGoOn({ ...options, ...about });
  }

  /**
   * Deletes one of its snapshots for good, whether it runs or not; the children of that become its parent's.
   * @throws MultipassError SNAPSHOT_NOT_FOUND, INSTANCE_DELETED, QMP_FAILED, …
   */
  async deleteSnapshot(name: string, options: WorkRequest = {}): Promise<void> {
    const { deleteLiveSnapshot } = await import('./live-snapshots/delete-live-snapshot.js');
    const about = { layout: this.#layout, name: this.name, snapshot: name };
    await deleteLiveSnapshot({ ...options, ...about });
  }

  /**
   * Writes it, stopped, as one archive: an OCI image layout in a tar, in one pass.
   * @param target a path, which gets the archive whole or not at all; a stream, which is not ended; or
   *   who takes the bytes
   * @throws MultipassError INSTANCE_NOT_STOPPED, SNAPSHOT_NOT_FOUND, INSTANCE_CHANGED, DISK_FULL, ABORTED, …; the
   *   stream's own error
   * @example
   * ```ts
   * const { digest } = await vm.export('/backup/web.tar');
   * ```
   */
  async export(
    target: string | Writable | ((bytes: Uint8Array) => Promise<void>),
    options: ExportOptions = {},
  ): Promise<ExportReport> {
    const { exportInstance } = await import('./travel/export-instance.js');
    const { intoStream } = await import('./travel/into-stream.js');
    const into =
      typeof target === 'string'
        ? absolutePath(target)
        : typeof target === 'function'
          ? target
          : intoStream(target);
    const about = { layout: this.#layout, name: this.name, target: into };
    return await exportInstance({ ...options, ...about });
  }

  /**
   * Writes it, stopped, or one of its snapshots, as files that another engine takes, into a folder that is not there
   * yet or is empty. No engine is touched, and no private key is in them. The report says what becomes of it there.
   * @throws MultipassError INSTANCE_NOT_STOPPED, SNAPSHOT_NOT_FOUND, INVALID_ARGUMENT, DISK_FULL, ABORTED, …
   */
  async handOver(
    engine: Engine,
    folder: string,
    options: HandOverOptions = {},
  ): Promise<HandOverReport> {
    const { handOver } = await import('./outward/hand-over.js');
    const about = { layout: this.#layout, name: this.name, folder: absolutePath(folder) };
    return await handOver({ ...options, ...about, engine });
  }

  /**
   * Copies it, stopped, into the store of another host, by the user's own ssh. What the other store has of its bases is
   * not sent. With `move` it keeps its identity, and is deleted here, softly, once it stands there.
   * @param host as ssh(1) takes it
   * @throws MultipassError SSH_FAILED, TRANSFER_FAILED, INSTANCE_NOT_STOPPED, INVALID_ARGUMENT, ABORTED, …
   */
  async copyTo(host: string, options: CopyToOptions = {}): Promise<CopyToReport> {
    const { copyToHost } = await import('./travel/copy-to-host.js');
    const { name: as, ...choices } = options;
    return await copyToHost({ ...choices, layout: this.#layout, name: this.name, host, as });
  }

  /**
   * Sends it, stopped, to a registry of container images; what that has by content is not sent again. The tag becomes
   * it in the last step, or stays as it was.
   * @param reference `<host>[:<port>]/<path>[:<tag>]`
   * @throws MultipassError INSTANCE_NOT_STOPPED, SNAPSHOT_NOT_FOUND, REFERENCE_TAKEN, REGISTRY_DENIED,
   *   REGISTRY_FAILED, INSTANCE_CHANGED, INVALID_ARGUMENT, ABORTED, …
   * @example
   * ```ts
   * const { pinned } = await vm.push('registry.example.com/team/web:1');
   * ```
   */
  async push(reference: string, options: PushOptions = {}): Promise<PushReport> {
    const { pushInstance } = await import('./travel/push-instance.js');
    return await pushInstance({ ...options, layout: this.#layout, name: this.name, reference });
  }

  /** Makes it stand on nothing but its own disk. @returns false when it did before @throws INSTANCE_NOT_STOPPED, … */
  async flatten(options: WorkRequest = {}): Promise<boolean> {
    const { flattenInstance } = await import('./flatten-instance.js');
    return await flattenInstance({ ...options, layout: this.#layout, name: this.name });
  }

  /**
   * Makes a copy of an instance's folder, made by hand, an instance of its own: with a new uuid, vmgenid, instance-id
   * and MAC addresses.
   * @returns whose copy it was
   * @throws MultipassError INVALID_ARGUMENT when it is no copy; INSTANCE_NOT_STOPPED, …
   */
  async adopt(options: WorkRequest = {}): Promise<AdoptReport> {
    const { adoptInstance } = await import('./adopt-instance.js');
    return await adoptInstance({ ...options, layout: this.#layout, name: this.name });
  }

  /**
   * Soft-deletes it: {@link InstanceControl.recover} brings it back. One that runs is shut down first.
   * @throws MultipassError TIMED_OUT when its guest does not shut down, …
   */
  async delete(options: WorkRequest = {}): Promise<void> {
    const { deleteInstance } = await import('./delete-instance.js');
    await deleteInstance(this.#layout, this.name, options);
  }

  /** Undoes {@link InstanceControl.delete}. @throws what opening an instance throws */
  async recover(options: WorkRequest = {}): Promise<void> {
    const { recoverInstance } = await import('./delete-instance.js');
    await recoverInstance(this.#layout, this.name, options);
  }

  /** Removes it for good, with its data, a Broken one too. The power of one that runs is cut. @throws ABORTED, … */
  async purge(options: WorkRequest = {}): Promise<void> {
    const { purgeInstance } = await import('./delete-instance.js');
    await purgeInstance(this.#layout, this.name, options);
  }
}

function memoryIsLive(): MultipassError {
  return new MultipassError('INVALID_ARGUMENT', 'memory is saved of a running instance alone', {
    hint: 'Ask for `live` as well.',
  });
}
