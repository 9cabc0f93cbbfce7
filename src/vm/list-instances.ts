import { lstatSync, readdirSync, type Dirent } from 'node:fs';
import { checkStoreFormat } from '../store/format.js';
import type { StoreLayout } from '../store/layout.js';
import { visitInstances } from '../store/listing.js';
import { instanceNotFound, isNotFound } from './errors.js';
import { LiveStates } from './live-state.js';
import type { InstanceView } from './views.js';
import { isValidName } from './names.js';
import { problemOf, readInstance } from './read-instance.js';

/**
 * Every instance there is, sorted by name, soft-deleted and Broken ones included: one bad folder never hides another.
 * Takes no lock and writes nothing; what is renamed meanwhile is listed once, under its old or its new name.
 * @throws MultipassError STORE_TOO_NEW, PERMISSION_DENIED
 */
export async function listInstances(layout: StoreLayout): Promise<InstanceView[]> {
  if (!checkStoreFormat(layout)) return [];
  const views = new Map<string, InstanceView>();
  const states = new LiveStates(layout);
  await visitInstances(layout, (entry) => {
    const view = viewOf(layout, entry, states);
    if (view === undefined) return 'vanished';
    if (view !== 'nothing') views.set(entry.name, view);
    return 'seen';
  });
  return withoutRenamed(layout, [...views.values()]).sort(byName);
}

/** One instance, as `list` sees it. @throws MultipassError INSTANCE_NOT_FOUND, STORE_TOO_NEW */
export function viewInstance(layout: StoreLayout, name: string): InstanceView {
  if (!checkStoreFormat(layout)) throw instanceNotFound(name);
  return lookAt(layout, name, new LiveStates(layout));
}

function lookAt(layout: StoreLayout, name: string, states: LiveStates): InstanceView {
  try {
    const reading = readInstance(layout, name);
    const { spec, image } = reading;
    return { name, state: states.of(reading), spec, image, runtime: null };
  } catch (error) {
    if (isNotFound(error)) throw error;
    return { name, state: 'Broken', problem: problemOf(error, layout, layout.instance(name)) };
  }
}

function viewOf(
  layout: StoreLayout,
  entry: Dirent,
  states: LiveStates,
): InstanceView | 'nothing' | undefined {
  const { path } = layout.instance(entry.name);
  if (!isValidName(entry.name)) {
    return isEmptyFolder(path) ? 'nothing' : strangeName(layout, entry.name);
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
function withoutRenamed(layout: StoreLayout, views: InstanceView[]): InstanceView[] {
  const byUuid = new Map<string, InstanceView[]>();
  for (const view of views) {
    const key = view.state === 'Broken' ? `Broken ${view.name}` : view.spec.uuid;
    byUuid.set(key, [...(byUuid.get(key) ?? []), view]);
  }
  return [...byUuid.values()].flatMap((same) =>
    same.length === 1 ? same : distinct(layout, same),
  );
}

function distinct(layout: StoreLayout, views: InstanceView[]): InstanceView[] {
  const byInode = new Map(
    views.map((view) => [lstatSync(layout.instance(view.name).path, LENIENT)?.ino, view]),
  );
  // A name that is gone is an earlier one; when all are, it has got yet another.
  if (byInode.size > 1) byInode.delete(undefined);
  return [...byInode.values()];
}

const LENIENT = { bigint: true, throwIfNoEntry: false } as const;

function isEmptyFolder(path: string): boolean {
  try {
    return readdirSync(path).length === 0;
  } catch {
    return false;
  }
}

function byName(a: InstanceView, b: InstanceView): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
