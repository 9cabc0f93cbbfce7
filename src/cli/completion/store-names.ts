import { formatForward, isLive, loadFindAlias, loadSnapshotNames } from '../../command-line.js';
import { MultipassError, type InstanceView, type ReadableInstanceView } from '../../index.js';
import type { CliContext } from '../context.js';

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

/** Where the names are. */
export type Stored = Pick<CliContext, 'store' | 'layout'>;

/** Whether an instance is meant. */
export type IsMeant = (view: InstanceView) => boolean;

export const IS_LIVING: IsMeant = ({ state }) => state !== 'Deleted';
export const IS_USABLE: IsMeant = ({ state }) => state !== 'Deleted' && state !== 'Broken';
export const IS_STOPPED: IsMeant = ({ state }) => state === 'Stopped';
export const IS_RESTING: IsMeant = ({ state }) => state === 'Stopped' || state === 'Suspended';
export const IS_RUNNING: IsMeant = ({ state }) => isLive(state);
export const IS_DELETED: IsMeant = ({ state }) => state === 'Deleted';

/** The names of the instances that are meant. */
export async function instances({ store }: Stored, isMeant: IsMeant): Promise<readonly string[]> {
  return await orNone(async () => (await store.list()).filter(isMeant).map(({ name }) => name));
}

/** The snapshots of instances that are meant: `<instance>.<snapshot>`. */
export async function snapshots(
  { store, layout }: Stored,
  isMeant: IsMeant,
): Promise<readonly string[]> {
  return await orNone(async () => {
    const { snapshotNames } = await loadSnapshotNames();
    const views = (await store.list()).filter(isMeant);
    return views.flatMap(({ name }) =>
      snapshotNames(layout, name).map((snapshot) => `${name}.${snapshot}`),
    );
  });
}

/** The instances with mounts, and their mounts: `<instance>:<path>`. */
export async function mounts({ store }: Stored): Promise<readonly string[]> {
  return await orNone(async () => {
    const isReadable = (view: InstanceView): view is ReadableInstanceView =>
      view.state !== 'Broken' && view.state !== 'Deleted';
    const views = (await store.list()).filter(isReadable);
    return views
      .filter(({ spec }) => spec.mounts.length > 0)
      .flatMap(({ name, spec }) => [name, ...spec.mounts.map(({ target }) => `${name}:${target}`)]);
  });
}

/** The forwards of all instances: `8080:80`. */
export async function forwards({ store }: Stored): Promise<readonly string[]> {
  return await orNone(async () =>
    (await store.list()).flatMap((view) =>
      view.state === 'Broken' ? [] : view.spec.forwards.map(formatForward),
    ),
  );
}

/** The aliases of the active context. */
export async function aliases({ layout }: Stored): Promise<readonly string[]> {
  const { namesOfAliases } = await loadFindAlias();
  return namesOfAliases(layout);
}

/** The contexts of aliases. */
export async function contexts({ store }: Stored): Promise<readonly string[]> {
  return await orNone(async () => (await store.aliases()).contexts.map(({ name }) => name));
}

/** The keys of settings. */
export async function settings({ store }: Stored): Promise<readonly string[]> {
  return await orNone(() => store.settingKeys());
}

/** The images that are in the store, or those of them that no instance uses, by all their names. No server is asked. */
export async function images(
  { store }: Stored,
  which: 'all' | 'unused' = 'all',
): Promise<readonly string[]> {
  return await orNone(async () => {
    const listed = await store.images();
    const meant = listed.filter(({ usedBy }) => which === 'all' || usedBy.length === 0);
    return meant.flatMap(({ name, aliases: others }) => [name, ...others]);
  });
}

/** The host's networks. */
export async function networks({ store }: Stored): Promise<readonly string[]> {
  return await orNone(async () => (await store.networks()).map(({ name }) => name));
}
