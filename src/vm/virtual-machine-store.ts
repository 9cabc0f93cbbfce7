import { homedir } from 'node:os';
import { StoreLayout } from '../store/layout.js';
import { storageRoot } from '../store/storage-root.js';
import type { SnapshotListing } from './snapshots/list-snapshots.js';
import { StoreCare } from './store-care.js';
import type { ForwardView } from './forwards/forward-view.js';
import type { InstanceView } from './views.js';
import type { StoreEvent } from './watch-instances.js';
import type { PathLike } from './transfer/byte-path.js';
import type { GuestPath } from './transfer/download.js';
import type { TransferOptions, TransferReport } from './transfer/transfer-request.js';
import type { LaunchOptions } from './launch/launch-request.js';
import type { HeldBase } from './travel/copy-request.js';
import type { ImportInstanceOptions } from './travel/import-request.js';
import type { PullOptions } from './travel/pull-request.js';
import type { EphemeralLease } from './ephemeral.js';
import type { TreeNode } from './lineage/tree.js';
import { Work, type WorkRequest } from '../work.js';
import type { VirtualMachine } from './virtual-machine.js';

/** All instances of one store. Holds nothing open: every call looks at the folder. */
export class VirtualMachineStore extends StoreCare implements AsyncDisposable {
  /** @internal Users have {@link openStore}. */
  // eslint-disable-next-line @typescript-eslint/no-useless-constructor -- that of its base is protected
  constructor(layout: StoreLayout) {
    super(layout);
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
   * A handle of an instance by its name alone: nothing is looked at, so that each of its calls says what is wrong. For
   * one that is Broken, which {@link VirtualMachineStore.get} does not open: to read its log, or to purge it.
   * @param name what no instance can be called is an instance that is not there
   */
  async instance(name: string): Promise<VirtualMachine> {
    const { VirtualMachine: Machine } = await import('./virtual-machine.js');
    return Machine.named(this.layout, name);
  }

  /**
   * Makes an instance from an image, starts it, and waits until it has set itself up.
   * @throws MultipassError INVALID_ARGUMENT, NAME_TAKEN, IMAGE_NOT_FOUND, DOWNLOAD_FAILED, DISK_FULL, QEMU_FAILED,
   *   TIMED_OUT, ABORTED, …; nothing is left of it then, unless its guest could be entered, but was not done in time,
   *   and it is not ephemeral
   */
  async launch(options: LaunchOptions = {}): Promise<VirtualMachine> {
    const { onReport, ephemeral = false, ...choices } = options;
    const request = { ...choices, layout: this.layout };
    if (ephemeral) {
      const { launchEphemeral } = await import('./launch/launch-ephemeral.js');
      const { report, lease } = await launchEphemeral(request);
      onReport?.(report);
      return await this.#open(report.name, lease);
    }
    const { launchInstance } = await import('./launch/launch-instance.js');
    const report = await launchInstance(request);
    onReport?.(report);
    return await this.#open(report.name);
  }

  /**
   * Makes an instance of what `vm.export` wrote: a copy with an identity of its own, unless it shall keep the one it
   * had; of an instance's folder outside of the store that somebody has copied by hand, likewise; or of a machine of
   * another program: a disk, an OVA, a box of Vagrant, an image of Incus, the folder of a Lima instance, the XML of
   * libvirt beside its disk, a containerDisk. It is there whole, or not at all, and nothing of what comes is believed.
   * The report says what could not come.
   * @param from a path of a file or a folder, or a stream
   * @throws MultipassError ARTIFACT_INVALID, IMAGE_INVALID, BASE_NOT_FOUND, IDENTITY_TAKEN, INSTANCE_NOT_STOPPED,
   *   NAME_TAKEN, INVALID_ARGUMENT, DISK_FULL, ABORTED, …
   */
  async import(
    from: string | AsyncIterable<Uint8Array>,
    options: ImportInstanceOptions = {},
  ): Promise<VirtualMachine> {
    const { importAny } = await import('./foreign/import-any.js');
    const { absolutePath } = await import('../files/absolute-path.js');
    const { onReport, ...choices } = options;
    const source = typeof from === 'string' ? absolutePath(from) : from;
    const report = await importAny({ ...choices, layout: this.layout, from: source });
    onReport?.(report);
    return await this.#open(report.name);
  }

  /**
   * Makes an instance of what `vm.push` sent to a registry: a copy with an identity of its own. It is there whole, or
   * not at all; what is here already of its bases is not fetched, and nothing that the registry says is believed.
   * @param reference `<host>[:<port>]/<path>[:<tag>][@<digest>]`
   * @throws MultipassError REFERENCE_NOT_FOUND, REGISTRY_DENIED, REGISTRY_FAILED, ARTIFACT_INVALID, NAME_TAKEN,
   *   INVALID_ARGUMENT, DISK_FULL, ABORTED, …
   */
  async pull(reference: string, options: PullOptions = {}): Promise<VirtualMachine> {
    const { pullInstance } = await import('./travel/pull-instance.js');
    const { onReport, ...choices } = options;
    const report = await pullInstance({ ...choices, layout: this.layout, reference });
    onReport?.(report);
    return await this.#open(report.name);
  }

  /**
   * The bases that the store has, by what they hold: what somebody who sends an instance may leave out.
   * @param options `sizes`: those alone, in bytes; each that is asked for is read
   * @throws MultipassError ABORTED, PERMISSION_DENIED, …
   */
  async bases(
    options: WorkRequest & { readonly sizes?: readonly number[] | undefined } = {},
  ): Promise<HeldBase[]> {
    const { heldBases } = await import('./travel/own-bases.js');
    const { Work } = await import('../work.js');
    const { signal } = Work.of(options.work);
    return await heldBases(this.layout, { sizes: options.sizes, signal });
  }

  /** Images, instances, snapshots and clones, by where they came from. @throws STORE_TOO_NEW, PERMISSION_DENIED */
  async tree(): Promise<TreeNode[]> {
    const { lineageTree } = await import('./lineage/tree.js');
    return await lineageTree(this.layout);
  }

  /** The ports of the host that lead into instances, and what has become of each. @throws STORE_TOO_NEW */
  async forwards(): Promise<ForwardView[]> {
    const { listForwards } = await import('./forwards/list-forwards.js');
    return await listForwards(this.layout);
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

  /**
   * The snapshots of every instance that is not deleted; and of which they cannot be told, and which have no record.
   * @throws MultipassError STORE_TOO_NEW
   */
  async snapshots(): Promise<SnapshotListing> {
    const { listSnapshots } = await import('./snapshots/list-snapshots.js');
    return await listSnapshots(this.layout);
  }

  /**
   * Copies files and folders out of several instances at once.
   * @throws MultipassError as `download` of an instance
   */
  async download(
    sources: readonly GuestPath[],
    target: PathLike,
    options: TransferOptions = {},
  ): Promise<TransferReport> {
    const { download } = await import('./transfer/download.js');
    return await download({ ...options, layout: this.layout, sources, target });
  }

  async #open(name: string, lease?: EphemeralLease): Promise<VirtualMachine> {
    const { VirtualMachine: Machine } = await import('./virtual-machine.js');
    return Machine.open(this.layout, name, lease);
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
