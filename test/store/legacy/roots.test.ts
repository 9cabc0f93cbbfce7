import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { legacyError } from '../../../src/store/legacy/legacy-file.js';
import { legacyPlaces } from '../../../src/store/legacy/places.js';
import { findLegacyRoots, resolveLegacyRoot } from '../../../src/store/legacy/roots.js';

let dir: string;
beforeEach(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'roots-')));
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

async function makeVault(...path: string[]): Promise<string> {
  const dataDir = join(dir, ...path);
  await mkdir(join(dataDir, 'vault', 'instances'), { recursive: true });
  return dataDir;
}

async function makeDir(...path: string[]): Promise<string> {
  await mkdir(join(dir, ...path), { recursive: true });
  return join(dir, ...path);
}

describe('resolveLegacyRoot', () => {
  it.each([
    ['a storage root', [], ['data'], ['cache']],
    ['a snap’s common folder', [], ['data', 'multipassd'], ['cache', 'multipassd']],
    ['the data folder of a storage root', ['data'], ['data'], ['cache']],
    ['a folder that has multipassd', ['data'], ['data', 'multipassd'], ['cache', 'multipassd']],
    [
      'a data folder in a home',
      ['.local', 'share', 'multipassd'],
      ['.local', 'share', 'multipassd'],
      ['.cache', 'multipassd'],
    ],
  ])('takes %s', async (_, given, data, cache) => {
    const dataDir = await makeVault(...data);
    const cacheDir = await makeDir(...cache);
    expect(await resolveLegacyRoot(join(dir, ...given))).toEqual([
      { dataDir, multipassdDir: dataDir, cacheDir, backend: '' },
    ]);
  });

  it('takes a folder that has only the database, and no cache', async () => {
    await writeFile(join(dir, 'multipassd-vm-instances.json'), '{}');
    expect(await resolveLegacyRoot(dir)).toEqual([
      { dataDir: dir, multipassdDir: dir, cacheDir: null, backend: '' },
    ]);
  });

  it('gives one root for each backend of a data folder, and for a backend folder only its own', async () => {
    const plain = await makeVault('data');
    const qemu = await makeVault('data', 'qemu');
    const cacheDir = await makeDir('cache', 'qemu');
    const roots = [
      { dataDir: plain, multipassdDir: plain, cacheDir: join(dir, 'cache'), backend: '' },
      { dataDir: qemu, multipassdDir: plain, cacheDir, backend: 'qemu' },
    ];
    expect(await resolveLegacyRoot(dir)).toEqual(roots);
    expect(await resolveLegacyRoot(plain)).toEqual(roots);
    expect(await resolveLegacyRoot(qemu)).toEqual([roots[1]]);
  });

  it('follows links, and gives what two of them lead to once', async () => {
    const elsewhere = await makeDir('elsewhere');
    await makeDir('p', 'data');
    await symlink(elsewhere, join(dir, 'p', 'data', 'vault'));
    await symlink(join(dir, 'p', 'data'), join(dir, 'p', 'data', 'multipassd'));
    await symlink(join(dir, 'p'), join(dir, 'link'));
    const roots = await resolveLegacyRoot(join(dir, 'link'));
    expect(roots.map(({ dataDir }) => dataDir)).toEqual([join(dir, 'p', 'data')]);
  });

  it('says where it looked when there is nothing', async () => {
    const failure = await resolveLegacyRoot(dir).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'LEGACY_NOT_FOUND', details: { path: dir } });
    expect(failure).toHaveProperty('hint', expect.stringContaining(`"${join(dir, 'data')}"`));
  });

  it.each([['none'], ['file'], ['loop']])('refuses %s with LEGACY_NOT_FOUND', async (name) => {
    await writeFile(join(dir, 'file'), '');
    await symlink('loop', join(dir, 'loop'));
    await expect(resolveLegacyRoot(join(dir, name))).rejects.toMatchObject({
      code: 'LEGACY_NOT_FOUND',
    });
  });
});

describe('legacyError', () => {
  it('advises sudo where reading is not permitted', () => {
    const denied = Object.assign(new Error('denied'), { code: 'EACCES' });
    const error = legacyError(denied, '/root/x');
    expect(error).toMatchObject({ code: 'PERMISSION_DENIED', cause: denied });
    expect(error).toHaveProperty('hint', expect.stringContaining('sudo'));
  });

  it('passes on what is no system error', () => {
    const bug = new Error('bug');
    expect(legacyError(bug, '/x')).toBe(bug);
  });
});

describe('findLegacyRoots', () => {
  it('finds the storage that MULTIPASS_STORAGE names and the data in the home, each once', async () => {
    const stored = await makeVault('p', 'data');
    const own = await makeVault('.local', 'share', 'multipassd');
    const host = { env: { MULTIPASS_STORAGE: join(dir, 'p') }, home: dir } as const;
    const roots = await findLegacyRoots(host);
    const found = roots.map(({ dataDir }) => dataDir).filter((path) => path.startsWith(dir));
    expect(found).toEqual([stored, own]);
  });

  it('looks in every place that Multipass knows', () => {
    const places = legacyPlaces({ env: {}, home: '/home/ann' });
    expect(places).toEqual([
      {
        data: '/var/snap/multipass/common/data/multipassd',
        cache: '/var/snap/multipass/common/cache/multipassd',
      },
      { data: '/root/.local/share/multipassd', cache: '/root/.cache/multipassd' },
      { data: '/home/ann/.local/share/multipassd', cache: '/home/ann/.cache/multipassd' },
    ]);
    const stored = legacyPlaces({ env: { MULTIPASS_STORAGE: '/p' }, home: '/' });
    expect(stored.slice(0, 2)).toEqual([
      { data: '/p/data', cache: '/p/cache' },
      { data: '/p/data/multipassd', cache: '/p/cache/multipassd' },
    ]);
  });
});
