import { homedir } from 'node:os';
import { checkStoreFormat } from '../store/format.js';
import { StoreLayout } from '../store/layout.js';
import { storageRoot } from '../store/storage-root.js';
import { instanceNotFound } from './errors.js';
import type { InstanceView } from './views.js';
import type { LaunchRequest } from './launch/launch-request.js';
import type { TreeNode } from './lineage/tree.js';
import { listInstances } from './list-instances.js';
import { VirtualMachine } from './virtual-machine.js';

/** All instances of one store. Holds nothing open: every call looks at the folder. */
export class VirtualMachineStore {
  readonly layout: StoreLayout;

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
    if (!checkStoreFormat(this.layout)) throw instanceNotFound(name);
    return await Promise.resolve(VirtualMachine.open(this.layout, name));
  }

  /**
   * Makes an instance from an image, starts it, and waits until it has set itself up.
   * @throws MultipassError as `launchInstance`; nothing is left of it then
   */
  async launch(request: Omit<LaunchRequest, 'layout'> = {}): Promise<VirtualMachine> {
    const { launchInstance } = await import('./launch/launch-instance.js');
    const { name } = await launchInstance({ ...request, layout: this.layout });
    return VirtualMachine.open(this.layout, name);
  }

  /** Images, instances, snapshots and clones, by where they came from. @throws as `lineageTree` */
  async tree(): Promise<TreeNode[]> {
    const { lineageTree } = await import('./lineage/tree.js');
    return await lineageTree(this.layout);
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

  /** Every instance, sorted by name; Broken and soft-deleted ones too. @throws MultipassError STORE_TOO_NEW */
  async list(): Promise<InstanceView[]> {
    return await listInstances(this.layout);
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
