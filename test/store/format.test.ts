import { access, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { checkStoreFormat, initialiseStore } from '../../src/store/format.js';
import { StoreLayout } from '../../src/store/layout.js';
import { cloneInstance } from '../../src/vm/clone/clone-instance.js';
import {
  deleteInstance,
  purgeDeletedInstance,
  purgeInstance,
  recoverInstance,
} from '../../src/vm/delete-instance.js';
import { listInstances, viewInstance } from '../../src/vm/list-instances.js';
import { listSnapshots } from '../../src/vm/snapshots/list-snapshots.js';
import { prepareStore } from '../../src/vm/sweep.js';
import { openStore } from '../../src/vm/virtual-machine-store.js';
import { countSteps } from '../support/inject.js';
import { hashTree } from '../support/hash-tree.js';
import { makeInstance } from '../support/store-fixture.js';
import { test } from '../support/worker-fixture.js';

const FOLDERS = ['downloads', 'images', 'instances', 'keys', 'locks', 'macs', 'staging', 'trash'];

async function modes(folder: string): Promise<Record<string, string>> {
  const names = await readdir(folder);
  return Object.fromEntries(
    await Promise.all(
      names.map(async (name): Promise<[string, string]> => {
        const { mode } = await stat(join(folder, name));
        return [name, (mode & 0o777).toString(8)];
      }),
    ),
  );
}

describe('initialiseStore', () => {
  test.for([0o000, 0o022, 0o177])(
    'makes a store that the owner alone can read, with umask %i',
    async (umask, { root }) => {
      const layout = new StoreLayout(join(root, 'new'));
      await mkdir(root);
      const before = process.umask(umask);
      try {
        await initialiseStore(layout);
      } finally {
        process.umask(before);
      }
      expect((await stat(layout.root)).mode & 0o777).toBe(0o700);
      expect(await modes(layout.root)).toEqual({
        ...Object.fromEntries(FOLDERS.map((folder) => [folder, '700'])),
        'store.json': '600',
      });
      expect(JSON.parse(await readFile(layout.formatFile, 'utf8'))).toEqual({ format: 1 });
      expect(await readdir(layout.staging)).toEqual([]);
    },
  );

  test('writes store.json last, and durably', async ({ root, program }) => {
    const { steps } = await countSteps({
      root,
      argv: [process.execPath, program, 'prepare', root],
    });
    const lines = steps.map(({ syscall, paths }) => `${syscall} ${paths.join(' ')}`);
    const written = lines.findIndex((line) => /^rename.* store\.json$/.test(line));
    for (const folder of FOLDERS) {
      const made = lines.findIndex((line) => new RegExp(`^mkdir.* ${folder}$`).test(line));
      expect(made).toBeGreaterThanOrEqual(0);
      expect(made).toBeLessThan(written);
    }
    expect(lines.slice(0, written).some((line) => line.startsWith('fsync staging/'))).toBe(true);
    expect(lines.slice(written + 1)).toContain('fsync .');
    expect(lines.slice(written + 1).filter((line) => line.startsWith('mkdir'))).toEqual([]);
  });

  test('may be repeated, and by several processes at once', async ({ root, start }) => {
    const layout = new StoreLayout(root);
    const makers = [1, 2, 3].map(() => start('prepare'));
    for (const maker of makers) expect(await maker.next()).toBe('prepared');
    const before = await hashTree(root);
    await initialiseStore(layout);
    expect(await hashTree(root)).toEqual(before);
    expect(checkStoreFormat(layout)).toBe(true);
  });

  test('puts back folders that are gone, but no empty MAC table', async ({ store: { layout } }) => {
    for (const folder of layout.folders) await rm(folder, { recursive: true });
    await initialiseStore(layout);
    expect((await readdir(layout.root)).sort()).toEqual(
      [...FOLDERS.filter((folder) => folder !== 'macs'), 'store.json'].sort(),
    );
  });

  test('goes along with a folder that the user put on another disk', async ({
    root,
    store: { layout },
  }) => {
    const elsewhere = join(root, '..', 'elsewhere');
    await mkdir(elsewhere);
    await rm(layout.images, { recursive: true });
    await symlink(elsewhere, layout.images);
    await initialiseStore(layout);
    await expect(access(join(layout.images, '.'))).resolves.toBeUndefined();
  });

  test.for(['staging', 'trash', 'macs', 'locks'] as const)(
    'goes along with none that leads its own work elsewhere: %s',
    async (name, { root, store: { layout } }) => {
      const elsewhere = join(root, '..', 'elsewhere');
      await mkdir(elsewhere);
      await rm(layout[name], { recursive: true });
      await symlink(elsewhere, layout[name]);
      await expect(initialiseStore(layout)).rejects.toMatchObject({
        code: 'IO_ERROR',
        message: `"${layout[name]}" is a symbolic link`,
      });
      expect(await readdir(elsewhere)).toEqual([]);
    },
  );

  test('says what is wrong when a file is in the way', async ({ root }) => {
    await mkdir(root);
    await writeFile(join(root, 'file'), '');
    await expect(
      initialiseStore(new StoreLayout(join(root, 'file', 'store'))),
    ).rejects.toMatchObject({ code: 'RECORD_INVALID' });
  });
});

describe('checkStoreFormat', () => {
  test('finds no store, and makes none', async ({ root }) => {
    expect(checkStoreFormat(new StoreLayout(root))).toBe(false);
    await expect(access(root)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  const CORRUPT: Record<string, [text: string, at: string]> = {
    'is empty': ['', ''],
    'is truncated': ['{ "form', ''],
    'is no object': ['[1]', ''],
    'names no format': ['{}', '/format'],
    'has a text for a format': ['{"format":"1"}', '/format'],
    'has a format that never was': ['{"format":0}', '/format'],
  };

  test.for(Object.entries(CORRUPT))(
    'names a store.json that %s',
    async ([, [text, at]], { store: { layout } }) => {
      await writeFile(layout.formatFile, text);
      const fault = { path: layout.formatFile, at };
      expect(() => checkStoreFormat(layout)).toThrow(
        expect.objectContaining({ code: 'RECORD_INVALID', fault }),
      );
      await expect(initialiseStore(layout)).rejects.toMatchObject({
        code: 'RECORD_INVALID',
        fault,
      });
      await expect(listInstances(layout)).rejects.toMatchObject({ code: 'RECORD_INVALID', fault });
      expect(await readFile(layout.formatFile, 'utf8')).toBe(text);
    },
  );
});

describe('a store of a newer format', () => {
  type Use = (layout: StoreLayout) => Promise<unknown>;
  const USES: Record<string, Use> = {
    list: (layout) => listInstances(layout),
    'the list of a library': (layout) => openStore(layout.root).list(),
    'one instance': (layout) => openStore(layout.root).get('web'),
    // eslint-disable-next-line @typescript-eslint/require-await -- it answers at once
    info: async (layout) => viewInstance(layout, 'web'),
    'the list of snapshots': (layout) => listSnapshots(layout),
    prepare: (layout) => prepareStore(layout),
    clone: (layout) => cloneInstance({ layout, source: 'web', name: 'copy' }),
    delete: (layout) => deleteInstance(layout, 'web'),
    recover: (layout) => recoverInstance(layout, 'web'),
    purge: (layout) => purgeInstance(layout, 'web'),
    'purge of the deleted': (layout) => purgeDeletedInstance(layout, 'web'),
  };

  test.for(Object.entries(USES))(
    'is refused by %s, and left as it is',
    async ([, use], { store: { layout } }) => {
      await makeInstance(layout, 'web', { seed: null, data: 0, spec: { deleted: true } });
      await writeFile(layout.formatFile, '{ "format": 2, "more": true }');
      const before = await hashTree(layout.root);
      await expect(use(layout)).rejects.toMatchObject({
        code: 'STORE_TOO_NEW',
        message: expect.stringContaining('format 2') as string,
      });
      expect(await hashTree(layout.root)).toEqual(before);
    },
  );
});

describe('mere reading', () => {
  test('makes nothing where there is no store', async ({ root }) => {
    const store = openStore(root);
    expect(await store.list()).toEqual([]);
    expect(await listSnapshots(store.layout)).toEqual({ snapshots: [], problems: [], strays: [] });
    await expect(store.get('web')).rejects.toMatchObject({ code: 'INSTANCE_NOT_FOUND' });
    await expect(access(root)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('changes nothing in a store, whatever a killed command left there', async ({
    store,
    start,
  }) => {
    const { layout } = store;
    await makeInstance(layout, 'web', { seed: null, data: 0 });
    const maker = start('stage', ['copy']);
    await maker.next();
    await maker.kill();
    await rm(layout.locks, { recursive: true });
    const before = await hashTree(layout.root);
    expect(await store.list()).toHaveLength(1);
    await listSnapshots(layout);
    expect((await store.get('web')).snapshots()).toEqual([]);
    expect(await hashTree(layout.root)).toEqual(before);
  });
});
