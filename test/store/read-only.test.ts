import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { run } from '../../src/process/run.js';
import { StoreLayout } from '../../src/store/layout.js';
import { newToken } from '../../src/store/maker-token.js';
import { cloneInstance } from '../../src/vm/clone/clone-instance.js';
import { prepareStore } from '../../src/vm/sweep.js';
import { deleteInstance, purgeInstance, recoverInstance } from '../../src/vm/delete-instance.js';
import { listInstances } from '../../src/vm/list-instances.js';
import { hashTree } from '../support/hash-tree.js';
import { makeInstance } from '../support/store-fixture.js';
import { test as base } from '../support/worker-fixture.js';

type Command = (layout: StoreLayout) => Promise<unknown>;

const COMMANDS: Record<string, Command> = {
  clone: (layout) => cloneInstance({ layout, source: 'web', name: 'copy' }),
  delete: (layout) => deleteInstance(layout, 'web'),
  recover: (layout) => recoverInstance(layout, 'old'),
  purge: (layout) => purgeInstance(layout, 'web'),
};

/** An instance, a deleted one, and what dead commands left, which nobody can sweep any more. */
async function fill(layout: StoreLayout): Promise<void> {
  await makeInstance(layout, 'web', { seed: null, data: 0 });
  await makeInstance(layout, 'old', { seed: null, data: 0, spec: { deleted: true } });
  const dead = newToken().split('.').with(4, '1').join('.');
  await mkdir(layout.staged(dead));
  await writeFile(join(layout.locks, `web@${dead}`), '{}');
}

/** Root may, unless it is root of a container; everybody else is stopped by the modes alone. */
async function canMount(): Promise<boolean> {
  try {
    await run('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt']);
    return true;
  } catch {
    return false;
  }
}

const test = base.extend<{ mounted: StoreLayout }>({
  mounted: async ({ root, store }, use) => {
    await rename(root, `${root}-below`);
    await mkdir(root);
    await run('mount', ['-t', 'tmpfs', '-o', 'mode=700', 'none', root]);
    try {
      await run('cp', ['-a', `${root}-below/.`, root]);
      await use(store.layout);
    } finally {
      await run('umount', ['-l', root]);
    }
  },
});

if (await canMount()) {
  describe('a store on a read-only file system', () => {
    test.for(Object.entries(COMMANDS))('refuses to %s', async ([, command], { root, mounted }) => {
      await fill(mounted);
      await run('mount', ['-o', 'remount,ro', root]);
      const before = await hashTree(root);
      await expect(command(mounted)).rejects.toMatchObject({
        code: 'STORE_READ_ONLY',
        hint: expect.stringContaining('MULTIPASS_STORAGE') as string,
      });
      expect(await hashTree(root)).toEqual(before);
    });

    test('is listed all the same', async ({ root, mounted }) => {
      await fill(mounted);
      await run('mount', ['-o', 'remount,ro', root]);
      expect(await listInstances(mounted)).toMatchObject([
        { name: 'old', state: 'Deleted' },
        { name: 'web', state: 'Stopped' },
      ]);
    });

    test('cannot be made there', async ({ root, mounted }) => {
      await run('mount', ['-o', 'remount,ro', root]);
      const layout = new StoreLayout(join(mounted.root, 'new'));
      await expect(prepareStore(layout)).rejects.toMatchObject({ code: 'STORE_READ_ONLY' });
    });
  });
}

describe('a store that one may only read', () => {
  test.for(Object.keys(COMMANDS))('refuses to %s', async (command, { root, store, start }) => {
    await fill(store.layout);
    await run('chmod', ['-R', 'a+rX,a-w', join(root, '..')]);
    const before = await hashTree(root);
    await expect(
      start('change', [command, command === 'recover' ? 'old' : 'web']).next(),
    ).rejects.toThrow(/^PERMISSION_DENIED/);
    expect(await start('list').next()).toEqual([
      ['old', 'Deleted'],
      ['web', 'Stopped'],
    ]);
    expect(await hashTree(root)).toEqual(before);
    await run('chmod', ['-R', 'u+w', join(root, '..')]);
  });
});
