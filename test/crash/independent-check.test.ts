import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAMAGES } from '../../fixtures/damaged/catalogue.js';
import { run } from '../../src/process/run.js';
import { violationsOf, type Violation } from '../support/independent-check.js';
import { SmallStore } from '../vm/doctor/small-store.js';
import type { DamagedStore } from '../../fixtures/damaged/damage.js';

let small: SmallStore;

beforeAll(async () => {
  small = await SmallStore.make();
});
afterAll(() => rm(small.folder, { recursive: true, force: true }));

/** What it calls by another name than `doctor`, which tells more of it: this knows the document alone. */
const OTHERWISE: Readonly<Record<string, (store: DamagedStore) => string>> = {
  'a store of a later version': () => 'record-invalid store.json',
  'a copy of an instance that was made by hand': () => 'uuid-twice instances/db-2/spec.json',
  'what another machine has in the making': ({ foreignToken }) =>
    `staging-left staging/${foreignToken.slice(0, -16)}`,
  'the mark that an instance ends with a process': ({ deadToken }) =>
    `lock-left locks/${deadToken}.ephemeral`,
  'the mark of an instance that there is not': ({ deadToken }) =>
    `lock-left locks/${deadToken}.ephemeral`,
};

/** An image may lie there for the next launch. */
const NO_VIOLATION = 'an image that nobody uses';

const brief = ({ kind, path }: Violation): string => `${kind} ${path}`;
/** Each time it is asked for, a token is another one. */
const withoutRandom = (text: string): string => text.replace(/(staging\/.*\.)[0-9a-f]{16}$/, '$1');

describe('the independent checker', () => {
  it('has nothing to say of a sound store', async () => {
    const { layout } = await small.copy();
    expect(await violationsOf(layout, { atRest: true })).toEqual([]);
  });

  it.concurrent.each(DAMAGES)('finds $name', async (damage) => {
    const store = await small.copy();
    await damage.make(store);
    const found = (await violationsOf(store.layout, { atRest: true })).map(brief);
    if (damage.name === NO_VIOLATION) {
      expect(found).toEqual([]);
      return;
    }
    const path = typeof damage.path === 'string' ? damage.path : damage.path(store);
    const expected = OTHERWISE[damage.name]?.(store) ?? `${damage.kind} ${path}`;
    expect(found.map(withoutRandom)).toContain(withoutRandom(expected));
  });

  it('counts the references to the clusters of a disk as qemu-img does', async () => {
    const { layout } = await small.copy();
    const { disk } = layout.instance('db');
    await run('qemu-img', ['snapshot', '-c', '@s1', disk]);
    await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 7 0 256k', '-c', 'discard 1M 1M', disk]);
    await run('qemu-img', ['convert', '-c', '-O', 'qcow2', disk, `${disk}.compressed`]);
    await run('qemu-img', ['check', '-q', disk]);
    const kinds = async (): Promise<string[]> =>
      (await violationsOf(layout, { atRest: true })).map(({ kind }) => kind);
    // The tag has no record; nothing is wrong with the disk.
    expect(await kinds()).toEqual(['snapshot-tag-stray']);
    await run('mv', [`${disk}.compressed`, disk]);
    expect(await kinds()).toEqual([]);
  });
});
