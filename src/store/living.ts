import { lstatSync } from 'node:fs';
import type { StoreLayout } from './layout.js';
import { instanceEntryNames } from './listing.js';
import type { RowsOf } from './mac-table.js';

/** What was read of a folder, and what the folder was then. */
interface Known {
  readonly print: string;
  readonly uuid: string | undefined;
}

const known = new WeakMap<StoreLayout, Map<string, Known>>();

/**
 * To be called before a command reads the whole store; what it returns takes the uuids that were found, by the names of
 * the folders, so that {@link isLiving} need not read those again that are still what they were.
 */
export function noteFolders(layout: StoreLayout): (uuids: ReadonlyMap<string, string>) => void {
  const prints = instanceEntryNames(layout).map(
    (name) => [name, printOf(layout.instance(name).path)] as const,
  );
  return (uuids) => {
    const read = prints.flatMap(([name, print]) => {
      const uuid = uuids.get(name);
      return print === undefined || uuid === undefined ? [] : [[name, { print, uuid }] as const];
    });
    known.set(layout, new Map(read));
  };
}

/**
 * Whether a folder of the store has a uuid: that of an instance which is gone may live on in a copy of its folder that
 * was made by hand. Folders that are what they were when they were last asked are not read again, so that a thousand
 * removals in one command do not read the store a thousand times.
 */
export async function isLiving(
  layout: StoreLayout,
  uuid: string,
  rowsOf: RowsOf,
): Promise<boolean> {
  const before = known.get(layout);
  const now = new Map<string, Known>();
  for (const name of instanceEntryNames(layout)) {
    const print = printOf(layout.instance(name).path);
    if (print === undefined) continue;
    const same = before?.get(name);
    now.set(
      name,
      same?.print === print ? same : { print, uuid: (await rowsOf(layout.instance(name)))?.uuid },
    );
  }
  known.set(layout, now);
  return [...now.values()].some((folder) => folder.uuid === uuid);
}

/** A record is replaced by a rename in its folder, whose times that changes; undefined for what is no folder. */
function printOf(path: string): string | undefined {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  if (stats?.isDirectory() !== true) return undefined;
  return [stats.dev, stats.ino, stats.mtimeNs, stats.ctimeNs].join(' ');
}
