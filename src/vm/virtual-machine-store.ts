import { homedir } from 'node:os';
import { StoreLayout } from '../store/layout.js';
import { storageRoot } from '../store/storage-root.js';
import type { InstanceView } from './views.js';
import type { StoreEvent } from './watch-instances.js';
import type { LaunchOptions } from './launch/launch-request.js';
import type { TreeNode } from './lineage/tree.js';
import type { HostNetwork } from '../net/bridge/host-networks.js';
import type { FindRequest, FoundImages } from './images/find-images.js';
import type { ListedImage } from './lineage/image-list.js';
import type { DoctorReport, DoctorRequest } from './doctor/doctor.js';
import type { MigrateRequest, MigrationOutcome } from './migrate/migrate.js';
import { Work, type WorkRequest } from '../work.js';
import type { VirtualMachine } from './virtual-machine.js';

/** What images are looked for. */
export type FindOptions = Omit<FindRequest, 'mirror' | 'stallMs'>;

/** What is brought over from an old Multipass, and how. */
export type MigrateOptions = Partial<Omit<MigrateRequest, 'layout' | 'host'>>;

/** What is examined, and whether it is mended. */
export type DoctorOptions = Omit<DoctorRequest, 'layout' | 'env'>;

/** All instances of one store. Holds nothing open: every call looks at the folder. */
export class VirtualMachineStore implements AsyncDisposable {
  /** @internal Where everything is. */
  readonly layout: StoreLayout;

  /** @internal Users have {@link openStore}. */
  constructor(layout: StoreLayout) {
    this.layout = layout;
  }

  /** Absolute path of the store. */
  get root(): string {
    return this.layout.root;
  }

  /**
   * Opens one instance.
   * @throws MultipassError INSTANCE_NOT_FOUND, STORE_TOO_NEW; RecordError, INSTANCE_BROKEN, DISK_INVALID when it is
   *   Broken
   */
  async get(name: string): Promise<VirtualMachine> {
    // Loaded when they are needed: a program that imports us need not use us.
    const { checkStoreFormat } = await import('../store/format.js');
    const { instanceNotFound } = await import('./errors.js');
    if (!checkStoreFormat(this.layout)) throw instanceNotFound(name);
    return await this.#open(name);
  }

  /**
   * Makes an instance from an image, starts it, and waits until it has set itself up.
   * @throws MultipassError as `launchInstance`; nothing is left of it then
   */
  async launch(request: LaunchOptions = {}): Promise<VirtualMachine> {
    const { launchInstance } = await import('./launch/launch-instance.js');
    const { name } = await launchInstance({ ...request, layout: this.layout });
    return await this.#open(name);
  }

  /** Images, instances, snapshots and clones, by where they came from. @throws as `lineageTree` */
  async tree(): Promise<TreeNode[]> {
    const { lineageTree } = await import('./lineage/tree.js');
    return await lineageTree(this.layout);
  }

  /**
   * Looks for images that can be launched, at the official servers or the mirror that is set.
   * @throws MultipassError REMOTE_UNKNOWN, DOWNLOAD_FAILED, SETTING_INVALID, ABORTED
   */
  async find(options: FindOptions = {}): Promise<FoundImages> {
    const { findImages } = await import('./images/find-images.js');
    const { readSettings } = await import('./settings/settings.js');
    const { imageMirror: mirror } = readSettings(this.layout, process.env);
    return await findImages({ ...options, mirror });
  }

  /** The images in the store: what each takes, and who uses it. */
  async images(): Promise<ListedImage[]> {
    const { listVault } = await import('./lineage/image-list.js');
    return await listVault(this.layout);
  }

  /** The networks of the host that an instance can be bridged to. @throws MultipassError NETWORK_UNAVAILABLE */
  async networks(options: WorkRequest = {}): Promise<HostNetwork[]> {
    const { hostNetworks } = await import('../net/bridge/host-networks.js');
    return await hostNetworks(options.work?.signal);
  }

  /**
   * Brings the instances of an old Multipass over.
   * @throws MultipassError LEGACY_NOT_FOUND, PERMISSION_DENIED, STORE_TOO_NEW, ABORTED (what was migrated stays)
   */
  async migrate(options: MigrateOptions = {}): Promise<MigrationOutcome> {
    const { migrate } = await import('./migrate/migrate.js');
    const host = { env: process.env, home: homedir() };
    const defaults = { names: [], mode: 'copy', dryRun: false } as const;
    return await migrate({ ...defaults, ...options, host, layout: this.layout });
  }

  /**
   * Removes all soft-deleted instances for good.
   * @returns their names
   * @throws MultipassError ABORTED, …: what was purged by then is gone
   */
  async purge(options: WorkRequest = {}): Promise<string[]> {
    const { namesToPurge, purgeDeletedInstance } = await import('./delete-instance.js');
    const names = (await namesToPurge(this.layout)) ?? [];
    for (const name of names) {
      await purgeDeletedInstance(this.layout, name, {
        isListed: true,
        work: Work.of(options.work),
      });
    }
    return names;
  }

  /**
   * Examines the store, and whether this machine can do the work. Changes nothing unless it is told to mend.
   * @throws MultipassError as `doctor`
   */
  async doctor(options: DoctorOptions = {}): Promise<DoctorReport> {
    const { doctor } = await import('./doctor/doctor.js');
    return await doctor({ ...options, layout: this.layout, env: process.env });
  }

  /** The value of a setting: `local.network`, `local.web.cpus`, … @throws MultipassError SETTING_UNKNOWN */
  async getSetting(key: string): Promise<string> {
    const { getSetting } = await import('./settings/get-and-set.js');
    return getSetting(this.layout, key);
  }

  /**
   * Changes a setting, durably.
   * @param value as a text, as `get` prints it; a size also as a number of bytes
   * @throws MultipassError SETTING_UNKNOWN, SETTING_INVALID, INSTANCE_NOT_STOPPED, …
   */
  async setSetting(
    key: string,
    value: string | number | boolean,
    options: WorkRequest = {},
  ): Promise<void> {
    const { setSetting } = await import('./settings/get-and-set.js');
    await setSetting(this.layout, key, String(value), options);
  }

  /** The keys of all settings that there are now, sorted. */
  async settingKeys(): Promise<string[]> {
    const { settingKeys } = await import('./settings/get-and-set.js');
    return await settingKeys(this.layout);
  }

  /**
   * Makes this host the owner of the store, which is on a file system that several may share, when the host that it
   * belongs to is gone for good; none of its instances may be running there. Does nothing on a local file system.
   * @throws MultipassError DISK_FULL, IO_ERROR, …
   */
  async takeOver(): Promise<void> {
    const { takeOverStore } = await import('../store/store-host.js');
    await takeOverStore(this.layout);
  }

  /**
   * Purges the ephemeral instances that were made by way of this object.
   * @throws what purging one throws, or an AggregateError of several
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const { ephemeralOf } = await import('./ephemeral.js');
    const ends = [...ephemeralOf(this.layout)].map(async (vm) => vm[Symbol.asyncDispose]());
    const problems = (await Promise.allSettled(ends)).flatMap((end) =>
      end.status === 'rejected' ? [end.reason as unknown] : [],
    );
    if (problems.length > 1)
      throw new AggregateError(problems, 'not all instances could be purged');
    if (problems.length > 0) throw problems[0];
  }

  /**
   * Tells what becomes of the instances: first each that there is, as `appeared`, then every change, until the signal
   * fires or the loop is left.
   * @throws MultipassError STORE_TOO_NEW, PERMISSION_DENIED
   * @example
   * ```ts
   * for await (const event of store.watch()) console.log(event.kind, event.name);
   * ```
   */
  async *watch(options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<StoreEvent, void> {
    const { watchInstances } = await import('./watch-instances.js');
    yield* watchInstances(this.layout, options.signal);
  }

  /** Every instance, sorted by name; Broken and soft-deleted ones too. @throws MultipassError STORE_TOO_NEW */
  async list(): Promise<InstanceView[]> {
    const { listInstances } = await import('./list-instances.js');
    return await listInstances(this.layout);
  }

  async #open(name: string): Promise<VirtualMachine> {
    const { VirtualMachine: Machine } = await import('./virtual-machine.js');
    return Machine.open(this.layout, name);
  }
}

/**
 * Opens a store; nothing is read or made until something is asked of it.
 * @param root its folder; without one `$MULTIPASS_STORAGE`, `$XDG_DATA_HOME/multipass-ts` or
 *   `~/.local/share/multipass-ts`
 */
export function openStore(root?: string): VirtualMachineStore {
  const { env } = process;
  return new VirtualMachineStore(new StoreLayout(root ?? storageRoot({ env, home: homedir() })));
}
