import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inodeOf, parseRow, rowText } from '../../src/store/mac-table.js';
import type { Item } from '../simulation/examine.js';
import type { FirstStore } from '../simulation/fixture.js';

/** Puts the first store of the simulation on a real disk. */
export function putStore({ items, folders }: FirstStore, root: string): void {
  mkdirSync(root, { mode: 0o700 });
  for (const { path, mode, data } of items) {
    const place = join(root, path);
    if (data === undefined) mkdirSync(place);
    else writeFileSync(place, data);
    chmodSync(place, mode);
  }
  for (const { path, data } of items) {
    if (!path.startsWith('macs/') || data === undefined) continue;
    const { uuid, inode } = parseRow(String(data));
    const folder = join(root, 'instances', folders.get(inode ?? '') ?? '');
    writeFileSync(join(root, path), rowText({ uuid, inode: inodeOf(folder) }));
  }
}

/** All that is in a store. What goes while it is looked at is left out. */
export function itemAt(path: string): Item | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  const mode = stats.mode & 0o7777;
  const [nothing, none] = [Buffer.alloc(0), new Map<string, Item>()];
  if (stats.isFile()) return { mode, data: readFileSync(path), entries: none };
  if (!stats.isDirectory()) return { mode, data: nothing, entries: none };
  const entries = readdirSync(path).flatMap((name) => {
    const item = itemAt(join(path, name));
    return item === undefined ? [] : [[name, item] as const];
  });
  return { mode, data: nothing, entries: new Map(entries) };
}
