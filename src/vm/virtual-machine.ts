import type { StoreLayout } from '../store/layout.js';
import { cloneInstance } from './clone/clone-instance.js';
import type { CloneChoices, CloneRequest } from './clone/clone-request.js';
import { EphemeralLease, ephemeralOf, sweepEphemeral } from './ephemeral.js';
import type { CloneReport } from './clone/report.js';
import { purgeInstance } from './delete-instance.js';
import { InstanceControl } from './instance-control.js';
import { isNotFound } from './errors.js';
import { atOnce } from '../at-once.js';
import { log } from '../log.js';
import { bytesOf } from '../memory-size.js';
import { readInstance } from './read-instance.js';
import { renameInstance } from './rename-instance.js';
import { requireHostMemory, startsAtOnce } from './run/host-memory.js';
import type { StartOptions } from './run/start-instance.js';
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
  /** True: nothing is written; what would be is told. */
  readonly dryRun?: boolean | undefined;
  /** Told what was made, and what is new in it, before anything is started. */
  readonly onReport?: ((report: CloneReport) => void) | undefined;
}

/**
 * One instance of a store, and what can be done with it. It copies itself (the prototype pattern): its folder is all
 * there is to it, and this a handle, which keeps nothing but the name.
 */
export class VirtualMachine extends InstanceControl implements AsyncDisposable {
  readonly #layout: StoreLayout;
  #lease: EphemeralLease | undefined;

  /** @internal */
  private constructor(layout: StoreLayout, name: string) {
    super(layout, name);
    this.#layout = layout;
  }

  /** @internal Users have `store.instance`. */
  static named(layout: StoreLayout, name: string): VirtualMachine {
    return new VirtualMachine(layout, name);
  }

  /**
   * Opens an instance by its name; takes no lock and writes nothing.
   * @internal Users have `store.get`.
   * @param lease what makes it end with this process
   * @throws MultipassError INSTANCE_NOT_FOUND; RecordError, INSTANCE_BROKEN, DISK_INVALID when it is Broken
   */
  static open(layout: StoreLayout, name: string, lease?: EphemeralLease): VirtualMachine {
    const vm = new VirtualMachine(layout, readInstance(layout, name).name);
    vm.#endWith(lease);
    return vm;
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
    if (options.dryRun === true) return await this.#plan({ name }, options);
    const [copy] = await this.#copies({ name }, options);
    if (copy === undefined) throw new Error('a clone without a clone');
    return copy;
  }

  /**
   * Makes several copies: all of them or none.
   * @param pattern their names, where `{n}` stands for 1, 2, …; without one the next free `<this name>-cloneN`
   * @throws MultipassError as `clone`; one name that is taken fails all
   */
  async cloneMany(
    count: number,
    pattern?: string,
    options?: CloneOptions & { readonly dryRun?: false | undefined },
  ): Promise<VirtualMachine[]>;
  /** The plan of several: nothing is written. */
  async cloneMany(
    count: number,
    pattern: string | undefined,
    options: CloneOptions & { readonly dryRun: true },
  ): Promise<CloneReport>;
  async cloneMany(
    count: number,
    name?: string,
    options: CloneOptions = {},
  ): Promise<VirtualMachine[] | CloneReport> {
    if (options.dryRun === true) return await this.#plan({ count, name }, options);
    return await this.#copies({ count, name }, options);
  }

  /**
   * Gives it another name; snapshots, mounts and identity stay.
   * @returns the instance under its new name: this object stands for the old one, which is gone
   * @throws MultipassError INSTANCE_NOT_STOPPED, NAME_TAKEN, INVALID_NAME, …
   */
  async rename(newName: string, options: WorkRequest = {}): Promise<VirtualMachine> {
    await renameInstance({ ...options, layout: this.#layout, name: this.name, newName });
    const renamed = VirtualMachine.open(this.#layout, newName, this.#lease);
    this.#forget();
    return renamed;
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

  async #plan(
    about: Pick<CloneRequest, 'name' | 'count'>,
    options: CloneOptions,
  ): Promise<CloneReport> {
    return await cloneInstance({ ...options, ...about, layout: this.#layout, source: this.name });
  }

  async #copies(
    about: Pick<CloneRequest, 'name' | 'count'>,
    { ephemeral = false, start = false, onReport, ...options }: CloneOptions,
  ): Promise<VirtualMachine[]> {
    const layout = this.#layout;
    const leases = new Map<string, EphemeralLease>();
    if (ephemeral) await sweepEphemeral(layout);
    const { count = 1, overrides } = { ...options, ...about };
    if (start !== false && count > 1) {
      const { spec } = readInstance(layout, this.name);
      requireHostMemory(count, bytesOf(overrides?.memory ?? spec.memory, 'memory'));
    }
    const beforePublish = async (uuids: readonly string[]): Promise<void> => {
      for (const uuid of uuids) leases.set(uuid, await EphemeralLease.take(layout, uuid));
    };
    let copies: VirtualMachine[] = [];
    try {
      const request = { ...options, ...about, layout, source: this.name };
      const report = await cloneInstance(ephemeral ? { ...request, beforePublish } : request);
      copies = report.clones.map(({ name, identity }) => {
        return VirtualMachine.open(layout, name, leases.get(identity.uuid.new ?? ''));
      });
      onReport?.(report);
      const how = start === true ? { work: options.work } : start;
      if (how !== false)
        await atOnce(copies, startsAtOnce(), async (copy) => await copy.start(how));
      return copies;
    } catch (error) {
      for (const copy of copies) await endFailed(copy);
      // Of those that are there by now, each has ended its own.
      if (copies.length === 0) for (const lease of leases.values()) await lease.release();
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

/** What is told is why making it failed: an ephemeral one that cannot be purged is left to who looks next. */
async function endFailed(copy: VirtualMachine): Promise<void> {
  try {
    await copy[Symbol.asyncDispose]();
  } catch (error) {
    log('warning', 'ephemeral', `a failed clone is left for now: ${(error as Error).message}`);
  }
}
