import { lstatSync, readdirSync, type Dirent } from 'node:fs';
import { checkStoreFormat } from '../store/format.js';
import type { StoreLayout } from '../store/layout.js';
import { visitInstances } from '../store/listing.js';
import { isCopyOf, originalAmong, originalOf } from './copies.js';
import { instanceNotFound, isNotFound } from './errors.js';
import { LiveStates } from './live-state.js';
import type { InstanceView } from './views.js';
import { isValidName } from './names.js';
import { problemOf, readInstance, type InstanceReading } from './read-instance.js';

/** One instance, and what its folder told; nothing of a Broken one. */
export interface ListedInstance {
  readonly view: InstanceView;
  readonly reading?: InstanceReading;
}

/**
 * Every instance there is, sorted by name, soft-deleted and Broken ones included: one bad folder never hides another.
 * Takes no lock and writes nothing; what is renamed meanwhile is listed once, under its old or its new name.
 * @param exists true where the caller has looked: the store is there, and of a format that we know
 * @throws MultipassError STORE_TOO_NEW, PERMISSION_DENIED
 */
export async function listInstances(
  layout: StoreLayout,
  { exists }: { readonly exists?: true } = {},
): Promise<InstanceView[]> {
  if (exists !== true && !checkStoreFormat(layout)) return [];
  return (await readInstances(layout)).map(({ view }) => view);
}

/** As {@link listInstances}, in a store whose format has been checked, with what was read of each. */
export async function readInstances(layout: StoreLayout): Promise<ListedInstance[]> {
  const found = new Map<string, ListedInstance>();
  const states = new LiveStates(layout);
  await visitInstances(layout, (entry) => {
    const listed = listedOf(layout, entry, states);
    if (listed === undefined) return 'vanished';
    if (listed !== 'nothing') found.set(entry.name, listed);
    return 'seen';
  });
  return withoutRenamed(layout, [...found.values()]).sort(byName);
}

/**
 * One instance, as `list` sees it.
 * @param exists the answer of {@link checkStoreFormat}
 * @throws MultipassError INSTANCE_NOT_FOUND, STORE_TOO_NEW
 */
export function viewInstance(
  layout: StoreLayout,
  name: string,
  exists: boolean = checkStoreFormat(layout),
): InstanceView {
  if (!exists) throw instanceNotFound(name);
  const listed = lookAt(layout, name, new LiveStates(layout));
  const original = listed.reading && originalOf(layout, listed.reading);
  return original === undefined ? listed.view : asCopy(layout, listed, original).view;
}

function lookAt(layout: StoreLayout, name: string, states: LiveStates): ListedInstance {
  try {
    const reading = readInstance(layout, name);
    const { spec, image } = reading;
    const pending = states.leftPending(reading);
    const left = pending === undefined ? {} : { pending };
    const view = { name, state: states.of(reading), spec, image, runtime: null, ...left };
    return { view, reading };
  } catch (error) {
    if (isNotFound(error)) throw error;
    const problem = problemOf(error, layout, layout.instance(name));
    return { view: { name, state: 'Broken', problem } };
  }
}

function listedOf(
  layout: StoreLayout,
  entry: Dirent,
  states: LiveStates,
): ListedInstance | 'nothing' | undefined {
  const { path } = layout.instance(entry.name);
  if (!isValidName(entry.name)) {
    return isEmptyFolder(path) ? 'nothing' : { view: strangeName(layout, entry.name) };
  }
  try {
    return lookAt(layout, entry.name, states);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    return isEmptyFolder(path) ? 'nothing' : undefined;
  }
}

function strangeName(layout: StoreLayout, name: string): InstanceView {
  return {
    name,
    state: 'Broken',
    problem: {
      path: layout.relative(layout.instance(name).path),
      at: '',
      message: `${JSON.stringify(name)} is no name that an instance can have`,
      hint: 'Rename the folder: letters, digits and hyphens, a letter first, 63 at most.',
    },
  };
}

/**
 * An instance that was renamed while we read was met twice. A folder has one inode under all its names, while a copy
 * of an instance, made by hand with its uuid, has another.
 */
function withoutRenamed(layout: StoreLayout, listed: ListedInstance[]): ListedInstance[] {
  const byUuid = new Map<string, ListedInstance[]>();
  for (const one of listed) {
    const { view } = one;
    const key = view.state === 'Broken' ? `Broken ${view.name}` : view.spec.uuid;
    byUuid.set(key, [...(byUuid.get(key) ?? []), one]);
  }
  return [...byUuid.values()].flatMap((same) =>
    same.length === 1 ? same : withCopiesTold(layout, distinct(layout, same)),
  );
}

function distinct(layout: StoreLayout, listed: ListedInstance[]): ListedInstance[] {
  const byInode = new Map(
    listed.map((one) => [lstatSync(layout.instance(one.view.name).path, LENIENT)?.ino, one]),
  );
  // A name that is gone is an earlier one; when all are, it has got yet another.
  if (byInode.size > 1) byInode.delete(undefined);
  return [...byInode.values()];
}

/** Of several folders with one uuid one is the instance; each copy that does not run says that it is one. */
function withCopiesTold(layout: StoreLayout, same: ListedInstance[]): ListedInstance[] {
  const readings = same.flatMap(({ reading }) => (reading === undefined ? [] : [reading]));
  if (readings.length < 2) return same;
  const { name } = originalAmong(layout, readings);
  return same.map((one) => (one.view.name === name ? one : asCopy(layout, one, name)));
}

function asCopy(layout: StoreLayout, one: ListedInstance, original: string): ListedInstance {
  const { name, state } = one.view;
  if (state !== 'Stopped' && state !== 'Suspended') return one;
  const dir = layout.instance(name);
  const problem = problemOf(isCopyOf(dir, original), layout, dir);
  return { view: { name, state: 'Broken', problem } };
}

const LENIENT = { bigint: true, throwIfNoEntry: false } as const;

function isEmptyFolder(path: string): boolean {
  try {
    return readdirSync(path).length === 0;
  } catch {
    return false;
  }
}

function byName({ view: a }: ListedInstance, { view: b }: ListedInstance): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
