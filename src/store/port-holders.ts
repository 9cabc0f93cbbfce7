import { readdir } from 'node:fs/promises';
import { claimOf } from './claim.js';
import { InstanceDir } from './instance-dir.js';
import type { StoreLayout } from './layout.js';
import { instanceEntryNames } from './listing.js';
import type { RowsOf } from './mac-table.js';

interface Held {
  readonly row: string;
  readonly uuid: string;
}

/** Whether the spec of an instance in the store, or of a copy of it, has a row of the table of ports. */
export async function isPortHeld(
  layout: StoreLayout,
  holder: Held,
  rowsOf: RowsOf,
): Promise<boolean> {
  for (const name of instanceEntryNames(layout)) {
    if (has(await rowsOf(layout.instance(name)), holder)) return true;
  }
  return false;
}

/** Whether what is in the making, or on its way out, has it: one that is gone frees it itself. */
export async function isPortPromised(
  layout: StoreLayout,
  holder: Held,
  rowsOf: RowsOf,
): Promise<boolean> {
  const list = async (path: string): Promise<string[]> =>
    await readdir(path).catch((): string[] => []);
  const folders = [
    ...(await list(layout.staging)).map((token) => layout.staged(token)),
    ...(await list(layout.trash)).map((token) => layout.trashed(token)),
  ];
  for (const path of folders) {
    const dir = new InstanceDir(path);
    for (const held of [await claimOf(dir), await rowsOf(dir)]) {
      if (has(held, holder)) return true;
    }
  }
  return false;
}

function has(held: Awaited<ReturnType<RowsOf>>, { row, uuid }: Held): boolean {
  return held?.uuid === uuid && held.ports?.includes(row) === true;
}
