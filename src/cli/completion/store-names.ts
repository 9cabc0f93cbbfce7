import { MultipassError } from '../../errors.js';
import type { StoreLayout } from '../../store/layout.js';
import type { InstanceView, ReadableInstanceView } from '../../vm/views.js';
import { isLive } from '../../vm/state.js';

/*
 * What the store and the host have names for. Whatever cannot be read has none: completion is silent.
 */

async function orNone(read: () => Promise<readonly string[]>): Promise<readonly string[]> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof MultipassError) return [];
    throw error;
  }
}

/** Whether an instance is meant. */
export type IsMeant = (view: InstanceView) => boolean;

export const IS_LIVING: IsMeant = ({ state }) => state !== 'Deleted';
export const IS_USABLE: IsMeant = ({ state }) => state !== 'Deleted' && state !== 'Broken';
export const IS_STOPPED: IsMeant = ({ state }) => state === 'Stopped';
export const IS_RESTING: IsMeant = ({ state }) => state === 'Stopped' || state === 'Suspended';
export const IS_RUNNING: IsMeant = ({ state }) => isLive(state);
export const IS_DELETED: IsMeant = ({ state }) => state === 'Deleted';

/** The names of the instances that are meant. */
export async function instances(layout: StoreLayout, isMeant: IsMeant): Promise<readonly string[]> {
  return await orNone(async () => {
    const { listInstances } = await import('../../vm/list-instances.js');
    return (await listInstances(layout)).filter(isMeant).map(({ name }) => name);
  });
}

/** The snapshots of instances that are meant: `<instance>.<snapshot>`. */
export async function snapshots(layout: StoreLayout, isMeant: IsMeant): Promise<readonly string[]> {
  return await orNone(async () => {
    const { listInstances } = await import('../../vm/list-instances.js');
    const { snapshotNames } = await import('../../vm/snapshots/snapshot-names.js');
    const views = (await listInstances(layout)).filter(isMeant);
    return views.flatMap(({ name }) =>
      snapshotNames(layout, name).map((snapshot) => `${name}.${snapshot}`),
    );
  });
}

/** The instances with mounts, and their mounts: `<instance>:<path>`. */
export async function mounts(layout: StoreLayout): Promise<readonly string[]> {
  return await orNone(async () => {
    const { listInstances } = await import('../../vm/list-instances.js');
    const isReadable = (view: InstanceView): view is ReadableInstanceView =>
      view.state !== 'Broken' && view.state !== 'Deleted';
    const views = (await listInstances(layout)).filter(isReadable);
    return views
      .filter(({ spec }) => spec.mounts.length > 0)
      .flatMap(({ name, spec }) => [name, ...spec.mounts.map(({ target }) => `${name}:${target}`)]);
  });
}

/** The aliases of the active context. */
export async function aliases(layout: StoreLayout): Promise<readonly string[]> {
  const { namesOfAliases } = await import('../../vm/aliases/find-alias.js');
  return namesOfAliases(layout);
}

/** The contexts of aliases. */
export async function contexts(layout: StoreLayout): Promise<readonly string[]> {
  return await orNone(async () => {
    const { readAliases } = await import('../../vm/aliases/alias-file.js');
    return Object.keys(readAliases(layout).contexts);
  });
}

/** The keys of settings. */
export async function settings(layout: StoreLayout): Promise<readonly string[]> {
  return await orNone(async () => {
    const { settingKeys } = await import('../../vm/settings/get-and-set.js');
    return await settingKeys(layout);
  });
}

/** The images that are in the store, or those of them that no instance uses, by all their names. No server is asked. */
export async function images(
  layout: StoreLayout,
  which: 'all' | 'unused' = 'all',
): Promise<readonly string[]> {
  return await orNone(async () => {
    const { listVault } = await import('../../vm/lineage/image-list.js');
    const listed = await listVault(layout);
    const meant = listed.filter(({ usedBy }) => which === 'all' || usedBy.length === 0);
    return meant.flatMap(({ name, aliases: others }) => [name, ...others]);
  });
}

/** The host's networks. */
export async function networks(): Promise<readonly string[]> {
  return await orNone(async () => {
    const { hostNetworks } = await import('../../net/bridge/host-networks.js');
    return (await hostNetworks()).map(({ name }) => name);
  });
}
