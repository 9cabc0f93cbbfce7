import { randomUUID } from 'node:crypto';
import { readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { MacTable } from '../../src/store/mac-table.js';
import { test } from '../support/worker-fixture.js';

function rowNames(count: number): string[] {
  return Array.from({ length: count }, (_, n) => `525400${n.toString(16).padStart(6, '0')}`);
}

describe('MacTable', () => {
  test('gives no row to two of many processes that claim the same few', async ({
    store: { layout },
    start,
  }) => {
    const rows = rowNames(120);
    // Each begins at another place, so that they meet everywhere: 6 × 120 claims of 120 rows.
    const claimers = Array.from({ length: 6 }, (_, n) =>
      start('claim', [...rows.slice(n * 20), ...rows.slice(0, n * 20)]),
    );
    for (const claimer of claimers) await claimer.next();
    for (const claimer of claimers) claimer.go();
    const results = (await Promise.all(claimers.map((claimer) => claimer.next()))) as {
      uuid: string;
      got: string[];
    }[];

    expect(results.flatMap(({ got }) => got).sort()).toEqual(rows);
    const macs = new MacTable(layout);
    for (const { uuid, got } of results) {
      for (const row of got) expect(macs.owner(row)).toBe(uuid);
    }
  });

  test('claims, tells the owner of, and refuses a row', async ({ store: { layout } }) => {
    const macs = new MacTable(layout);
    const uuid = randomUUID();
    const uuidFile = join(layout.staging, 'uuid');
    await writeFile(uuidFile, `${uuid}\n`);
    expect(macs.owner('525400000001')).toBeUndefined();
    expect(await macs.claim('525400000001', uuidFile)).toBe(true);
    expect(macs.owner('525400000001')).toBe(uuid);
    await writeFile(join(layout.staging, 'other'), `${randomUUID()}\n`);
    expect(await macs.claim('525400000001', join(layout.staging, 'other'))).toBe(false);
    expect(macs.owner('525400000001')).toBe(uuid);
  });

  test('releases a row for the uuid that holds it alone', async ({ store: { layout } }) => {
    const macs = new MacTable(layout);
    const uuid = randomUUID();
    await writeFile(layout.macRow('525400000001'), `${uuid}\n`);
    for (const other of [randomUUID(), '', uuid.slice(1), `${uuid}\n`]) {
      await macs.release('525400000001', other);
      expect(macs.owner('525400000001')).toBe(uuid);
    }
    await macs.release('525400000001', uuid);
    expect(await readdir(layout.macs)).toEqual([]);
    await macs.release('525400000001', uuid);
  });

  test('tells a table that is gone from one that is empty', async ({ store: { layout } }) => {
    const macs = new MacTable(layout);
    expect(await macs.isMissing()).toBe(false);
    await rm(layout.macs, { recursive: true });
    expect(await macs.isMissing()).toBe(true);
  });

  test('says what is wrong when a row cannot be claimed', async ({ store: { layout } }) => {
    const macs = new MacTable(layout);
    const missing = join(layout.staging, 'missing');
    await expect(macs.claim('525400000001', missing)).rejects.toMatchObject({ code: 'IO_ERROR' });
  });

  test('keeps a row as a second link of the claim, not as a copy', async ({
    store: { layout },
  }) => {
    const uuidFile = join(layout.staging, 'uuid');
    await writeFile(uuidFile, `${randomUUID()}\n`);
    await new MacTable(layout).claim('525400000001', uuidFile);
    expect((await stat(layout.macRow('525400000001'))).ino).toBe((await stat(uuidFile)).ino);
  });
});
