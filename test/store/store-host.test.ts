import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect } from 'vitest';
import { run } from '../../src/process/run.js';
import { recordText } from '../../src/files/record.js';
import { initialiseStore } from '../../src/store/format.js';
import type { StoreLayout } from '../../src/store/layout.js';
import { requireOwnHost } from '../../src/store/store-host.js';
import { cloneInstance } from '../../src/vm/clone/clone-instance.js';
import { deleteInstance, purgeInstance } from '../../src/vm/delete-instance.js';
import { listInstances } from '../../src/vm/list-instances.js';
import { openStore } from '../../src/vm/virtual-machine-store.js';
import { multipass } from '../support/command.js';
import { hashTree } from '../support/hash-tree.js';
import { makeInstance, test as base } from '../support/store-fixture.js';

/** FUSE is what sshfs and virtiofs come as, too; mounting is for root, and not in every container. */
const canMount = process.getuid?.() === 0 && existsSync('/dev/fuse');

/** A store with an instance `web` on a FUSE file system. */
const test = base.extend<{ shared: StoreLayout }>({
  shared: async ({ root }, use) => {
    const below = join(dirname(root), 'exported');
    await mkdir(below, { mode: 0o700 });
    await mkdir(root, { mode: 0o700 });
    await run('bindfs', [below, root]);
    try {
      const { layout } = openStore(root);
      await initialiseStore(layout);
      await makeInstance(layout, 'web', { seed: null, data: 0 });
      await use(layout);
    } finally {
      await run('umount', ['--lazy', root]);
    }
  },
});

async function hostOf(layout: StoreLayout): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(layout.hostFile, 'utf8')) as Record<string, unknown>;
}

async function giveTo(layout: StoreLayout, change: Record<string, unknown>): Promise<void> {
  await writeFile(layout.hostFile, recordText({ ...(await hostOf(layout)), ...change }));
}

const OTHERS = {
  'another machine': { machine: '0123456789ab' },
  'a machine of the same template': { name: 'elsewhere' },
};

const CHANGES: Record<string, (layout: StoreLayout) => Promise<unknown>> = {
  clone: (layout) => cloneInstance({ layout, source: 'web', name: 'copy' }),
  'clone --linked': (layout) =>
    cloneInstance({ layout, source: 'web', name: 'copy', linked: true }),
  delete: (layout) => deleteInstance(layout, 'web'),
  purge: (layout) => purgeInstance(layout, 'web'),
  start: async (layout) => await (await openStore(layout.root).get('web')).start(),
};

describe.runIf(canMount)('a store on a file system that other hosts may share', () => {
  test('belongs to the host that makes it', async ({ shared }) => {
    expect(await hostOf(shared)).toMatchObject({ name: hostname() });
    await cloneInstance({ layout: shared, source: 'web', name: 'copy' });
    await multipass(['delete', '--purge', 'copy'], { store: shared.root });
    expect(await readdir(shared.instances)).toEqual(['web']);
    // What stays while the lock is open goes with the next command.
    await multipass(['delete', 'web'], { store: shared.root });
    expect(await readdir(shared.trash)).toEqual([]);
    // No draft is left.
    expect((await readdir(shared.root)).filter((name) => name.startsWith('host'))).toEqual([
      'host',
    ]);
  });

  test('belongs to the first that changes it, when it was made before hosts were noted', async ({
    shared,
  }) => {
    await rm(shared.hostFile);
    await Promise.all([1, 2, 3].map(() => requireOwnHost(shared)));
    expect(await hostOf(shared)).toMatchObject({ name: hostname() });
  });

  for (const [which, owner] of Object.entries(OTHERS)) {
    for (const [what, change] of Object.entries(CHANGES)) {
      test(`is refused for ${what} when it is that of ${which}`, async ({ shared }) => {
        await giveTo(shared, owner);
        const before = await hashTree(shared.root);
        await expect(change(shared)).rejects.toMatchObject({
          code: 'STORE_OF_ANOTHER_HOST',
          hint: expect.stringContaining('--take-over') as string,
        });
        expect(await hashTree(shared.root)).toEqual(before);
        expect((await listInstances(shared)).map(({ name }) => name)).toEqual(['web']);
      });
    }
  }

  test('is taken over when that is asked for, and then used as ours', async ({ shared }) => {
    await giveTo(shared, { machine: '0123456789ab', name: 'gone' });
    const store = shared.root;
    const refused = await multipass(['clone', 'web'], { store });
    expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
    expect(refused.stderr).toContain('belongs to the host "gone"');
    const taken = await multipass(['clone', '--take-over', 'web'], { store });
    expect(taken).toMatchObject({ exitCode: 0, stdout: 'Cloned from web to web-clone1.\n' });
    const after = await multipass(['clone', 'web'], { store });
    expect(after).toMatchObject({ exitCode: 0, stdout: 'Cloned from web to web-clone2.\n' });
    await giveTo(shared, { name: 'gone' });
    await openStore(store).takeOver();
    expect(await hostOf(shared)).toMatchObject({ name: hostname() });
  });
});

describe('a store on a local file system', () => {
  base('belongs to no host, and can be taken over by none', async ({ store: { layout } }) => {
    await makeInstance(layout, 'web', { seed: null, data: 0 });
    await openStore(layout.root).takeOver();
    await cloneInstance({ layout, source: 'web', name: 'copy' });
    expect(existsSync(layout.hostFile)).toBe(false);
    // Nobody compares: the record of a store that was copied from a shared file system means nothing here.
    await writeFile(layout.hostFile, recordText({ machine: 'x', name: 'elsewhere' }));
    await purgeInstance(layout, 'copy');
  });
});
