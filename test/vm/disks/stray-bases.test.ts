import { chmod, link, lstat, readdir, rm, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import { recordText } from '../../../src/files/record.js';
import { deleteInstance } from '../../../src/vm/delete-instance.js';
import { tidyBases } from '../../../src/vm/disks/stray-bases.js';
import { encodePending } from '../../../src/vm/records/pending-record.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { AT_REST, openInstance } from '../../../src/vm/open.js';
import { Work } from '../../../src/work.js';
import { makeInstance, test } from '../../support/store-fixture.js';
import { contentOf } from '../../support/disk-content.js';

const STRAY = 'base-00000000000000000000000000000000.qcow2';

async function modeOf(path: string): Promise<number> {
  return (await lstat(path)).mode & 0o777;
}

describe('the bases of an instance', () => {
  test('are those its head stands on: another name of the head itself goes, and the head stays', async ({
    store,
  }) => {
    const dir = await makeInstance(store.layout, 'web', { thin: true });
    const content = await contentOf(dir);
    // A freeze that was killed before it had another head.
    await link(dir.disk, dir.file(STRAY));
    await tidyBases(readInstance(store.layout, 'web'));
    expect((await readdir(dir.path)).filter((name) => name.startsWith('base-'))).toEqual([
      'base-image.qcow2',
    ]);
    expect((await lstat(dir.disk)).nlink).toBe(1);
    expect(await modeOf(dir.disk)).not.toBe(0o444);
    expect(await contentOf(dir)).toBe(content);
  });

  test('become immutable when the one who was to see to it was killed', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web', { thin: true });
    const base = dir.file('base-image.qcow2');
    await chmod(base, 0o600);
    await tidyBases(readInstance(store.layout, 'web'));
    expect(await modeOf(base)).toBe(0o444);
  });

  test('are left alone where they are right', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web', { thin: true });
    await chmod(dir.file('base-image.qcow2'), 0o444);
    const { mtimeMs, ctimeMs } = await lstat(dir.path);
    await tidyBases(readInstance(store.layout, 'web'));
    expect(await lstat(dir.path)).toMatchObject({ mtimeMs, ctimeMs });
  });

  test('and other files are not mixed up', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web');
    const mine = ['base.qcow2', 'base-.qcow2', 'base-x.img', 'my-base-x.qcow2'];
    for (const name of mine) await writeFile(dir.file(name), 'mine');
    await writeFile(dir.file(STRAY), 'nobody stands on it');
    await tidyBases(readInstance(store.layout, 'web'));
    const names = await readdir(dir.path);
    expect(names).toEqual(expect.arrayContaining(mine));
    expect(names).not.toContain(STRAY);
  });

  test('all stay when the chain of the head is broken, which does not keep it from being deleted', async ({
    store,
  }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web', { thin: true });
    await link(dir.file('base-image.qcow2'), dir.file(STRAY));
    await rm(dir.file('base-image.qcow2'));
    await deleteInstance(layout, 'web');
    expect(await readdir(dir.path)).toContain(STRAY);
    expect(readInstance(layout, 'web').state).toBe('Deleted');
  });

  test('are put in order only when what is pending is done', async ({ store }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web', { thin: true });
    const content = await contentOf(dir);
    // It is about to stand on another base, with the same content.
    await run('cp', [dir.file('base-image.qcow2'), dir.file(STRAY)]);
    const step = { operation: 'rebase', backing: STRAY } as const;
    const pending = encodePending({ step, spec: null, snapshots: new Map() });
    await writeFile(dir.pending, recordText(pending));
    const request = { for: 'test', states: AT_REST, work: Work.of() };
    await (await openInstance(layout, 'web', request))[Symbol.asyncDispose]();
    expect((await readdir(dir.path)).filter((name) => name.startsWith('base-'))).toEqual([STRAY]);
    expect(await contentOf(dir)).toBe(content);
  });
});
