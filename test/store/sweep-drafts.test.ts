import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { withRecordLock } from '../../src/store/record-lock.js';
import { sweepDrafts } from '../../src/store/sweep-drafts.js';
import { test } from '../support/store-fixture.js';

const DRAFTS = ['aliases.json.1', 'registries.json.22', 'settings.json.333'];
const MINE = ['mine.json.1', 'settings.json.bak', 'settings.json1'];

describe('what killed writers left beside the records of a store', () => {
  test('is removed, and nothing else', async ({ store: { layout } }) => {
    for (const name of [...DRAFTS, ...MINE]) await writeFile(join(layout.root, name), '{');
    await sweepDrafts(layout);
    const left = await readdir(layout.root);
    expect(left).toEqual(expect.arrayContaining(MINE));
    expect(left.filter((name) => DRAFTS.includes(name))).toEqual([]);
  });

  test('is left alone while somebody writes one', async ({ store: { layout } }) => {
    for (const name of DRAFTS) await writeFile(join(layout.root, name), '{');
    await withRecordLock(layout.aliasesLock, undefined, async () => await sweepDrafts(layout));
    const left = await readdir(layout.root);
    expect(left.filter((name) => DRAFTS.includes(name))).toEqual(['aliases.json.1']);
  });
});
