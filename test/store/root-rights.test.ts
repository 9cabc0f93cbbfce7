import { chmod, chown, mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { initialiseStore } from '../../src/store/format.js';
import { StoreLayout } from '../../src/store/layout.js';
import { cloneInstance } from '../../src/vm/clone/clone-instance.js';
import { listInstances } from '../../src/vm/list-instances.js';
import { multipass } from '../support/command.js';
import { hashTree } from '../support/hash-tree.js';
import { makeInstance, test } from '../support/store-fixture.js';

const clone = (layout: StoreLayout): Promise<unknown> =>
  cloneInstance({ layout, source: 'web', name: 'copy' });

describe('the folder of a store', () => {
  test.for([0o777, 0o770, 0o702, 0o1777])(
    'is refused, with what mends it, when others may write in it: %o',
    async (mode, { store: { layout } }) => {
      await makeInstance(layout, 'web', { seed: null, data: 0 });
      await chmod(layout.root, mode);
      const refusal = {
        code: 'STORE_NOT_PRIVATE',
        message: expect.stringContaining(`mode ${mode.toString(8).padStart(4, '0')}`) as string,
        hint: expect.stringContaining(`chmod go-w '${layout.root}'`) as string,
      };
      const before = await hashTree(layout.root);
      await expect(clone(layout)).rejects.toMatchObject(refusal);
      await expect(listInstances(layout)).rejects.toMatchObject(refusal);
      expect(await hashTree(layout.root)).toEqual(before);
      await chmod(layout.root, mode & ~0o022);
      await clone(layout);
    },
  );

  test.for([0o755, 0o750, 0o700])('may be looked at by others: %o', async (mode, { store }) => {
    await makeInstance(store.layout, 'web', { seed: null, data: 0 });
    await chmod(store.root, mode);
    await clone(store.layout);
    expect((await stat(store.root)).mode & 0o777).toBe(mode);
  });

  test('is shut when a store is made in an empty one that is open', async ({ root }) => {
    await mkdir(root);
    await chmod(root, 0o775);
    await initialiseStore(new StoreLayout(root));
    expect((await stat(root)).mode & 0o777).toBe(0o700);
  });

  test('is left alone, and refused, when there is something in it, but no store', async ({
    root,
  }) => {
    await mkdir(root);
    await writeFile(join(root, 'mine'), 'mine');
    await chmod(root, 0o777);
    await expect(initialiseStore(new StoreLayout(root))).rejects.toMatchObject({
      code: 'STORE_NOT_PRIVATE',
    });
    expect(Object.keys(await hashTree(root))).toEqual(['mine']);
  });
});

describe.runIf(process.getuid?.() === 0)('a store of another user', () => {
  test('is not changed by root', async ({ store: { layout } }) => {
    await makeInstance(layout, 'web', { seed: null, data: 0 });
    await chown(layout.root, 4321, 4321);
    const before = await hashTree(layout.root);
    await expect(clone(layout)).rejects.toMatchObject({
      code: 'STORE_NOT_PRIVATE',
      message: `the store "${layout.root}" belongs to the user with the id 4321, and this command runs as 0`,
      hint: expect.stringContaining(`sudo chown -R 0 '${layout.root}'`) as string,
    });
    expect(await hashTree(layout.root)).toEqual(before);
    expect((await listInstances(layout)).map(({ name }) => name)).toEqual(['web']);
    const { stderr, exitCode } = await multipass(['purge'], { store: layout.root });
    expect(exitCode).toBe(2);
    expect(stderr).toContain('belongs to the user with the id 4321');
  });
});
