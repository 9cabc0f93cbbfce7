import { parseRow } from '../../src/store/mac-table.js';
import { readdir, readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { run } from '../../src/process/run.js';
import type { StoreLayout } from '../../src/store/layout.js';
import { listInstances } from '../../src/vm/list-instances.js';
import { violationsOf, type Violation } from './independent-check.js';

/**
 * Makes sure that a store is whole and has nothing left over: no instance is Broken, all disks are in order, uuids and
 * MAC addresses are there once, each with its row in the table, nobody works on anything, and the independent checker
 * finds it as docs/store-layout.md has it.
 * @returns the names of its instances
 */
export async function expectSoundStore(layout: StoreLayout): Promise<string[]> {
  const views = await listInstances(layout);
  expect(views.filter(({ state }) => state === 'Broken')).toEqual([]);
  const specs = views.flatMap((view) => (view.state === 'Broken' ? [] : [view.spec]));
  expect(new Set(specs.map(({ uuid }) => uuid)).size).toBe(specs.length);
  expect(new Set(specs.map(({ vmgenid }) => vmgenid)).size).toBe(specs.length);
  const rows = specs.flatMap(({ uuid, interfaces }) =>
    interfaces.map(({ mac }) => [mac.toHex(), uuid] as const),
  );
  expect(await macTable(layout)).toEqual(Object.fromEntries(rows));
  expect(new Set(rows.map(([mac]) => mac)).size).toBe(rows.length);
  expect(await leftovers(layout)).toEqual([]);
  const violations = await violationsOf(layout, { atRest: true });
  expect(violations.filter((one) => !isOfTests(one))).toEqual([]);
  await Promise.all(
    views.map(({ name }) => run('qemu-img', ['check', '-q', layout.instance(name).disk])),
  );
  return views.map(({ name }) => name);
}

/** Snapshots of fixtures have no records, and a root that a test makes is one that others may read. */
function isOfTests({ kind, path }: Violation): boolean {
  return kind === 'snapshot-tag-stray' || (kind === 'open-to-readers' && path === '');
}

/** What is in the folders that are empty while nothing goes on. */
export async function leftovers(layout: StoreLayout): Promise<string[]> {
  const folders = [layout.staging, layout.trash, layout.locks];
  return (await Promise.all(folders.map((folder) => readdir(folder)))).flat();
}

/** The uuid that each row of the MAC table holds. */
async function macTable(layout: StoreLayout): Promise<Record<string, string>> {
  const rows = (await readdir(layout.macs)).map(async (hex) => {
    const { uuid } = parseRow(await readFile(layout.macRow(hex), 'utf8'));
    return [hex, uuid] as const;
  });
  return Object.fromEntries(await Promise.all(rows));
}
