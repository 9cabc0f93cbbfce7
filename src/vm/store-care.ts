import { homedir } from 'node:os';
import type { StoreLayout } from '../store/layout.js';
import { Work, type WorkRequest } from '../work.js';
import type { AliasDefinition } from './change-aliases.js';
import type { AliasList } from './aliases/list-aliases.js';
import type { AutostartOptions, AutostartUnit } from './autostart/autostart-unit.js';
import type { Rested } from './autostart/rest-instances.js';
import type { DoctorOptions, DoctorReport } from './doctor/doctor.js';
import type { InstallSshConfigOptions, SshConfigWish } from './guest/ssh-config-wish.js';
import type { FindOptions, FoundImages } from './images/find-images.js';
import type { ImportedImage, ImportOptions } from './images/import-image.js';
import type { ListedImage } from './lineage/image-list.js';
import type { MigrateOptions, MigrationOutcome } from './migrate/migrate.js';
import type { ReadableInstanceView } from './views.js';
import type { NetworkStatus } from './run/network-status.js';
import type { HostNetwork } from '../net/bridge/host-networks.js';

/** What a store has besides its instances: images, settings, aliases; and what is done with all of it. */
export class StoreCare {
  /** @internal Where everything is. */
  readonly layout: StoreLayout;

  /** @internal */
  protected constructor(layout: StoreLayout) {
    this.layout = layout;
  }

  /** Absolute path of the store. */
  get root(): string {
    return this.layout.root;
  }

  /** What `JSON.stringify` writes of it: where it is. */
  toJSON(): Pick<StoreCare, 'root'> {
    return { root: this.root };
  }

  /** What `console.log` shows of it. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `${this.constructor.name}(${this.root})`;
  }

  /**
   * Looks for images that can be launched, at the official servers or the mirror that is set.
   * @throws MultipassError REMOTE_UNKNOWN, DOWNLOAD_FAILED, SETTING_INVALID, ABORTED
   */
  async find(options: FindOptions = {}): Promise<FoundImages> {
    const { findImages } = await import('./images/find-images.js');
    const { readSettings } = await import('./settings/settings.js');
    const { imageMirror: mirror } = readSettings(this.layout, process.env);
    try {
      return await findImages({ ...options, mirror });
    } catch (error) {
      const { withOtherWays } = await import('./images/without-network.js');
      throw await withOtherWays(error, this.layout);
    }
  }

  /** The images in the store: what each takes, and who uses it. */
  async images(): Promise<ListedImage[]> {
    const { listVault } = await import('./lineage/image-list.js');
    return await listVault(this.layout);
  }

  /**
   * Brings an image into the store, unless it is there, and launches nothing.
   * @param query `[remote:]alias`, the beginning of a hash, a URL, a path with a slash in it, or
   *   `docker://` and a reference of a registry
   * @throws MultipassError IMAGE_NOT_FOUND, IMAGE_INVALID, DOWNLOAD_FAILED, DISK_FULL, ABORTED, …
   */
  async importImage(query: string, options: ImportOptions = {}): Promise<ImportedImage> {
    const { importImage } = await import('./images/import-image.js');
    const { obtainFromRegistry } = await import('./registry-images/obtain-from-registry.js');
    const about = { layout: this.layout, query, fromRegistry: obtainFromRegistry };
    return await importImage({ ...options, ...about });
  }

  /**
   * Removes an image that no instance stands on.
   * @param wanted its name with or without its remote, any of its aliases, or the beginning of its id
   * @returns its id
   * @throws MultipassError IMAGE_NOT_FOUND when there is none, or several are meant; DISK_IN_USE
   */
  async removeImage(wanted: string): Promise<string> {
    const { removeImage } = await import('./lineage/image-list.js');
    return await removeImage(this.layout, wanted);
  }

  /** Removes every image that no instance stands on. @returns their ids */
  async purgeImages(): Promise<string[]> {
    const { purgeUnusedImages } = await import('./images/purge-images.js');
    return await purgeUnusedImages(this.layout);
  }

  /** The networks of the host that an instance can be bridged to. @throws MultipassError NETWORK_UNAVAILABLE */
  async networks(options: WorkRequest = {}): Promise<HostNetwork[]> {
    const { hostNetworks } = await import('../net/bridge/host-networks.js');
    return await hostNetworks(options.work?.signal);
  }

  /**
   * What there is of the network that this store's instances share: what lives, what is damaged, who has which address.
   * Changes nothing.
   * @throws MultipassError RECORD_INVALID, PERMISSION_DENIED, ABORTED
   */
  async networkStatus(options: WorkRequest = {}): Promise<NetworkStatus> {
    const { networkStatus } = await import('./run/network-status.js');
    const signal = options.work?.signal;
    return await networkStatus(this.layout, { env: process.env, signal });
  }

  /**
   * Brings the instances of an old Multipass over.
   * @throws MultipassError LEGACY_NOT_FOUND, PERMISSION_DENIED, STORE_TOO_NEW, ABORTED (what was migrated stays)
   */
  async migrate(options: MigrateOptions = {}): Promise<MigrationOutcome> {
    const { migrate } = await import('./migrate/migrate.js');
    const host = { env: process.env, home: homedir() };
    const { names = [], mode = 'copy', dryRun = false } = options;
    return await migrate({ ...options, names, mode, dryRun, host, layout: this.layout });
  }

  /**
   * Examines the store, and whether this machine can do the work. Changes nothing unless it is told to mend.
   * @throws MultipassError PERMISSION_DENIED, IO_ERROR, ABORTED; with `fix` STORE_NOT_PRIVATE, STORE_OF_ANOTHER_HOST
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

  /** The aliases of commands, by context. @throws RecordError; MultipassError STORE_TOO_NEW */
  async aliases(): Promise<AliasList> {
    const { listAliases } = await import('./aliases/list-aliases.js');
    return await listAliases(this.layout);
  }

  /**
   * Makes an alias in the active context, durably.
   * @throws MultipassError INVALID_ARGUMENT for a name that none can have; INSTANCE_NOT_FOUND, …; USAGE when the
   *   context has an alias of that name
   */
  async defineAlias(definition: AliasDefinition): Promise<void> {
    const { defineAlias } = await import('./change-aliases.js');
    await defineAlias({ ...definition, layout: this.layout });
  }

  /**
   * Removes aliases, all or none, durably.
   * @param names `<name>` in the active context, or `<context>.<name>`; without any, all of the active context
   * @returns the names of those that were removed
   * @throws MultipassError USAGE that names those that there are not
   */
  async removeAliases(
    names?: readonly string[],
    options: WorkRequest = {},
  ): Promise<readonly string[]> {
    const { removeAliases } = await import('./change-aliases.js');
    return await removeAliases(this.layout, names, options);
  }

  /** Makes a context of aliases the active one. @throws MultipassError INVALID_ARGUMENT for what none is called */
  async preferAliases(context: string, options: WorkRequest = {}): Promise<void> {
    const { preferContext } = await import('./change-aliases.js');
    await preferContext(this.layout, context, options);
  }

  /** A piece of ssh_config(5), in which instances are hosts, `NAME.multipass`. @throws INSTANCE_NOT_FOUND, … */
  async sshConfig(options: SshConfigWish = {}): Promise<string> {
    const { sshConfigFor } = await import('./guest/ssh-config-wish.js');
    return await sshConfigFor(this.layout, options);
  }

  /**
   * Has ssh know all instances: writes `ssh_config` in the store, which every command keeps up to date, and has the
   * user's own configuration include it.
   * @returns the path of the file in the store; undefined when `confirm` said no
   * @throws MultipassError PERMISSION_DENIED, DISK_FULL, IO_ERROR
   */
  async installSshConfig(options: InstallSshConfigOptions = {}): Promise<string | undefined> {
    const { installSshConfig } = await import('./guest/ssh-config-wish.js');
    return await installSshConfig(this.layout, homedir(), options);
  }

  /** The instances that start with the host (`local.<instance>.autostart`), sorted by name. */
  async autostarted(): Promise<ReadableInstanceView[]> {
    const { autostarted } = await import('./autostart/autostarted.js');
    return await autostarted(this.layout);
  }

  /** The systemd unit that starts them, whether it is there or not. */
  async autostartUnit(): Promise<AutostartUnit> {
    const { autostartUnit } = await import('./autostart/autostart-unit.js');
    return autostartUnit();
  }

  /**
   * Makes that unit, and has systemd enable it; where that cannot be asked, a warning says what is left to do.
   * @returns the unit, and whether systemd has taken it
   * @throws MultipassError PERMISSION_DENIED, DISK_FULL, ABORTED
   */
  async installAutostart(options: AutostartOptions): Promise<
    AutostartUnit & {
      /** Whether systemd has taken it. */
      readonly isEnabled: boolean;
    }
  > {
    const { installAutostart } = await import('./autostart/autostart-unit.js');
    return await installAutostart(this.layout, options);
  }

  /** Removes that unit; what runs goes on. @returns false when there was none */
  async removeAutostart(options: WorkRequest = {}): Promise<boolean> {
    const { removeAutostart } = await import('./autostart/autostart-unit.js');
    return await removeAutostart(options);
  }

  /**
   * Suspends every instance that runs, or shuts it down where it cannot be, as before the host goes down.
   * @returns what became of each
   * @throws MultipassError STORE_TOO_NEW, PERMISSION_DENIED, ABORTED
   */
  async suspendAll(options: WorkRequest = {}): Promise<Rested[]> {
    const { restInstances } = await import('./autostart/rest-instances.js');
    return await restInstances({ layout: this.layout, work: Work.of(options.work) });
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
}
