import { mkdir, mkdtemp, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findLegacyFiles } from '../../../src/store/legacy/instance-files.js';
import { legacyKeyPath, readLegacyInstances } from '../../../src/store/legacy/instances.js';
import type { LegacyRoot } from '../../../src/store/legacy/roots.js';

let dir: string;
let vault: string;
let root: LegacyRoot;
beforeEach(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'instances-')));
  vault = join(dir, 'vault', 'instances');
  root = { dataDir: dir, multipassdDir: dir, cacheDir: null, backend: '' };
  await mkdir(vault, { recursive: true });
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

const SPECS = 'multipassd-vm-instances.json';
const IMAGES = join('vault', 'multipassd-instance-image-records.json');

async function put(path: string, content: unknown = ''): Promise<string> {
  const text = typeof content === 'string' ? content : JSON.stringify(content, null, 4);
  await writeFile(join(dir, path), text);
  return join(dir, path);
}

async function makeFolder(name: string, ...files: string[]): Promise<string> {
  await mkdir(join(vault, name));
  for (const file of files) await put(join('vault', 'instances', name, file));
  return join(vault, name);
}

describe('readLegacyInstances', () => {
  it('joins what the databases and the vault have under each name, sorted', async () => {
    await put(SPECS, { web: { num_cores: 2 }, lost: { num_cores: 1 } });
    await put(IMAGES, { web: { image: { id: 'c0ffee' } }, orphan: { image: { id: 'f00d' } } });
    const web = await makeFolder('web', 'noble.img');
    const bare = await makeFolder('bare');
    const { instances, problems } = await readLegacyInstances(root);
    expect(problems).toEqual([]);
    expect(
      instances.map(({ name, folder, spec, image }) => [name, folder, spec?.cpus, image?.id]),
    ).toEqual([
      ['bare', bare, undefined, undefined],
      ['lost', null, 1, undefined],
      ['orphan', null, undefined, 'f00d'],
      ['web', web, 2, 'c0ffee'],
    ]);
  });

  it('has the snapshots of an instance, and the warnings of all its records', async () => {
    await put(SPECS, { web: { num_cores: 'many' } });
    await put(IMAGES, { web: 5 });
    await makeFolder('web');
    await put('vault/instances/web/0001.snapshot.json', { snapshot: { name: 'a', index: 1 } });
    await put('vault/instances/web/0002.snapshot.json', '{');
    await put('vault/instances/web/snapshot-head', '1\n');
    const [web] = (await readLegacyInstances(root)).instances;
    expect(web?.snapshots).toMatchObject({ snapshots: [{ name: 'a' }], head: 1, count: null });
    expect(web?.image).toBeNull();
    expect(web?.warnings).toEqual([
      'num_cores: expected a whole number of at least 0, found "many"',
      'expected a record of an image, found 5',
      '0001.snapshot.json: creation_timestamp: expected a time, found nothing',
      '0002.snapshot.json: no complete snapshot in it; left out',
    ]);
  });

  it('finds the instances by their folders when both databases are lost', async () => {
    const specs = await put(SPECS, '');
    const images = await put(IMAGES, '{"web": {"image"');
    await makeFolder('web');
    const { instances, problems } = await readLegacyInstances(root);
    expect(instances).toMatchObject([{ name: 'web', spec: null, image: null }]);
    expect(problems).toEqual([
      `"${specs}" is empty`,
      `"${images}" is cut off or damaged; kept 0 complete records; lost: "web"`,
    ]);
  });

  it('finds nothing, without a problem, in a root that has nothing', async () => {
    await rm(join(dir, 'vault'), { recursive: true });
    expect(await readLegacyInstances(root)).toEqual({ instances: [], problems: [] });
  });

  it('follows a link to a folder, and passes over files and dangling links', async () => {
    await mkdir(join(dir, 'other-disk'));
    await symlink(join(dir, 'other-disk'), join(vault, 'web'));
    await symlink(join(dir, 'gone'), join(vault, 'gone'));
    await put('vault/instances/file');
    const { instances } = await readLegacyInstances(root);
    expect(instances).toMatchObject([{ name: 'web', folder: join(dir, 'other-disk') }]);
  });

  it('never makes a path of a name in a database', async () => {
    await mkdir(join(dir, 'outside'));
    await put(SPECS, '{"../../outside": {}, "": {}, ".": {}, "__proto__": {}}');
    const { instances } = await readLegacyInstances(root);
    expect(instances.map(({ name, folder }) => [name, folder])).toEqual([
      ['', null],
      ['.', null],
      ['../../outside', null],
      ['__proto__', null],
    ]);
  });

  it('marks a ghost', async () => {
    await put(SPECS, { boo: { num_cores: 0, mem_size: '0', disk_space: '0', ssh_username: '' } });
    expect((await readLegacyInstances(root)).instances[0]?.spec?.ghost).toBe(true);
  });
});

describe('legacyKeyPath', () => {
  it('finds the key beside the backend folders', async () => {
    const qemu = { ...root, dataDir: join(dir, 'qemu'), backend: 'qemu' };
    expect(await legacyKeyPath(qemu)).toBeNull();
    await mkdir(join(dir, 'ssh-keys'));
    const key = await put('ssh-keys/id_rsa');
    expect(await legacyKeyPath(qemu)).toBe(key);
  });
});

describe('findLegacyFiles', () => {
  const EXTRA = [
    ...['cloud-init-config.iso', '0001.snapshot.json', 'snapshot-head', 'snapshot-count'],
    ...[
      '0002.snapshot.json.lock',
      'snapshot-head.XbYcZd',
      'noble.img.lock',
      '0001.snapshot.json.aBcDeF',
      'x.json',
    ],
  ];

  it('takes the recorded file in the folder, wherever the record says that it is', async () => {
    const folder = await makeFolder('web', ...EXTRA, 'noble.img', 'backup.qcow2');
    const seed = join(folder, 'cloud-init-config.iso');
    const disk = join(folder, 'noble.img');
    const candidates = [join(folder, 'backup.qcow2'), disk];
    for (const recorded of ['/old/vault/instances/web/noble.img', disk])
      expect(await findLegacyFiles(folder, recorded)).toEqual({ disk, seed, candidates });
  });

  it('takes the recorded file elsewhere when the folder has none of that name', async () => {
    const folder = await makeFolder('web', 'other.img');
    const elsewhere = await put('noble.img');
    const seed = await put('cloud-init-config.iso');
    const found = { disk: elsewhere, seed };
    expect(await findLegacyFiles(folder, elsewhere)).toMatchObject(found);
    expect(await findLegacyFiles(null, elsewhere)).toEqual({ ...found, candidates: [] });
  });

  it.each([null, '/gone/noble.img', 'noble.img', '/', '..'])(
    'takes the only file that may be a disk when the record says %j',
    async (recorded) => {
      const folder = await makeFolder('web', ...EXTRA, 'disk-without-extension');
      await mkdir(join(folder, 'folder'));
      const { disk } = await findLegacyFiles(folder, recorded);
      expect(disk).toBe(join(folder, 'disk-without-extension'));
    },
  );

  it('leaves the choice between several files to the caller', async () => {
    const folder = await makeFolder('web', 'b.img', 'a.qcow2');
    expect(await findLegacyFiles(folder, null)).toEqual({
      disk: null,
      seed: null,
      candidates: [join(folder, 'a.qcow2'), join(folder, 'b.img')],
    });
  });

  it('finds nothing without a folder and a path, and in an empty folder', async () => {
    const nothing = { disk: null, seed: null, candidates: [] };
    expect(await findLegacyFiles(null, null)).toEqual(nothing);
    expect(await findLegacyFiles(await makeFolder('web'), '/gone.img')).toEqual(nothing);
  });

  it('follows a link to a disk and passes over one that dangles', async () => {
    const folder = await makeFolder('web', 'noble.img');
    await rename(join(folder, 'noble.img'), join(dir, 'moved.img'));
    await symlink(join(dir, 'moved.img'), join(folder, 'noble.img'));
    await symlink(join(dir, 'gone.img'), join(folder, 'old.img'));
    expect(await findLegacyFiles(folder, null)).toMatchObject({ disk: join(folder, 'noble.img') });
  });
});
