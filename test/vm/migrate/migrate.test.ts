import {
  cp,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect } from 'vitest';
import { readIso } from '../../../src/vm/seed/iso9660-reader.js';
import type { MigrationOutcome } from '../../../src/vm/migrate/migrate.js';
import { COPIED, lineOf, MigrationTarget, test, treeOf } from './legacy-copy.js';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;

function actionsOf({ report }: MigrationOutcome): Record<string, string> {
  return Object.fromEntries(report.instances.map(({ name, action }) => [name, action]));
}

describe('a migration of everything', () => {
  test('reports each instance, and leaves the legacy data as they were', async ({
    legacy,
    target,
  }) => {
    const before = await treeOf(legacy.root);
    const { report, complete } = await target.migrate();
    const lines = report.instances.map(({ name, action, state, method, snapshots, warnings }) => {
      const way = method === null ? null : COPIED.test(method);
      return [name, action, state, way, snapshots, warnings];
    });
    expect(lines).toEqual([
      ['asleep', 'migrated', 'Suspended', true, 0, []],
      ['db', 'migrated', 'Stopped', true, 1, []],
      ['ghost', 'skipped', null, null, 0, []],
      ['gone', 'migrated', 'Deleted', true, 0, []],
      ['old', 'migrated', 'Stopped', true, 0, []],
      ['web', 'migrated', 'Stopped', true, 2, []],
    ]);
    expect(report).toMatchObject({ errors: [], from: [legacy.paths.data], dryRun: false });
    expect(complete).toBe(true);
    expect(await treeOf(legacy.root)).toEqual(before);
    expect(await target.leftovers()).toEqual([]);
    const states = (await target.store.list()).map(({ name, state }) => [name, state]);
    expect(states).toEqual([
      ['asleep', 'Suspended'],
      ['db', 'Stopped'],
      ['gone', 'Deleted'],
      ['old', 'Stopped'],
      ['web', 'Stopped'],
    ]);
  });

  test('does nothing when it is run again', async ({ target }) => {
    const first = await target.migrate();
    const before = await treeOf(target.layout.root);
    const second = await target.migrate();
    for (const { name, action } of first.report.instances) {
      const { reason } = lineOf(second, name);
      if (action === 'migrated') expect([name, reason]).toEqual([name, 'already there']);
    }
    expect(Object.values(actionsOf(second))).toEqual(Array(6).fill('skipped'));
    expect(second.complete).toBe(true);
    for (const folder of ['instances', 'macs', 'keys']) {
      const own = Object.entries(before).filter(([path]) => path.startsWith(folder));
      expect(await treeOf(join(target.layout.root, folder))).toEqual(
        Object.fromEntries(own.map(([path, of]) => [path.slice(folder.length + 1) || '.', of])),
      );
    }
  });

  test('foresees the same in a dry run, and writes nothing', async ({ legacy, target }) => {
    await legacy.changeSpecs((records) => (records['lost'] = { ...records['web'] }));
    await rm(legacy.instance('old').seed);
    const before = await treeOf(dirname(legacy.root));
    const dry = await target.migrate({ dryRun: true });
    expect(await treeOf(dirname(legacy.root))).toEqual(before);
    expect(dry.report.dryRun).toBe(true);
    const real = await target.migrate();
    const comparable = ({ report }: MigrationOutcome) =>
      report.instances.map((line) => ({ ...line, method: '', bytes: line.bytes > 0 }));
    const isCopied = lineOf(real, 'web').method === 'copy';
    if (isCopied) expect(comparable(dry)).toEqual(comparable(real));
    expect(actionsOf(dry)).toEqual(actionsOf(real));
    expect(dry.complete).toBe(real.complete);
    const again = await target.migrate({ dryRun: true, mode: 'move' });
    expect(lineOf(again, 'web')).toMatchObject({ action: 'skipped', reason: 'already there' });
  });
});

describe('what an instance is like afterwards', () => {
  test('is what its records say', async ({ legacy, target }) => {
    const { folder } = legacy.instance('web');
    expect(await readFile(legacy.paths.instanceImageRecords, 'utf8')).toContain(
      '"last_accessed": 1779269400000000000',
    );
    await target.migrate({ names: ['web'] });
    const web = await target.store.get('web');
    const ids = { host: 1000, guest: -1 };
    const same = { host: 1000, guest: 1000 };
    expect(JSON.parse(JSON.stringify(web.spec))).toEqual({
      uuid: web.spec.uuid,
      vmgenid: web.spec.vmgenid,
      sshKey: web.spec.sshKey,
      cpus: 2,
      memory: 2 * GIB,
      disk: 128 * MIB,
      sshUser: 'ubuntu',
      interfaces: [
        { mac: '52:54:00:10:00:01', network: null, auto: true },
        { mac: '52:54:00:10:00:02', network: 'br-lan', auto: true },
        { mac: '52:54:00:10:00:03', network: 'br-lab', auto: false },
      ],
      mounts: [
        {
          source: '/home/ada/projects/site',
          target: '/home/ubuntu/site',
          type: 'classic',
          uidMappings: [ids],
          gidMappings: [ids],
        },
        {
          source: '/home/ada/shared',
          target: '/srv/shared',
          type: 'native',
          uidMappings: [same],
          gidMappings: [same],
        },
      ],
      snapshotHead: 1,
      deleted: false,
      autostart: false,
      forwards: [],
    });
    expect(web.image).toMatchObject({
      release: '24.04 LTS',
      os: 'Ubuntu',
      version: '20260518',
      query: { release: '24.04', remote: 'release', type: 'alias' },
      lineage: null,
      migratedFrom: { name: 'web', mac: '52:54:00:10:00:01' },
    });
    const records = await readFile(target.layout.instance('web').imageRecord, 'utf8');
    expect(records).not.toContain(folder);
  });

  test('has the defaults of its time where an old record lacks keys', async ({ target }) => {
    await target.migrate({ names: ['old'] });
    const { spec } = await target.store.get('old');
    expect(spec.interfaces).toHaveLength(1);
    expect(spec.mounts).toMatchObject([
      { source: '/home/ada', target: '/home/ubuntu/Home', type: 'classic' },
    ]);
  });

  test('has sizes and numbers in whatever form they are recorded', async ({ legacy, target }) => {
    const forms = { db: '2.5G', old: '', gone: 3 * GIB, asleep: '536870912' };
    await legacy.changeSpecs((records) => {
      for (const [name, size] of Object.entries(forms)) {
        records[name] = { ...records[name], mem_size: size, num_cores: '3', disk_space: 'none' };
      }
    });
    await target.migrate({ names: Object.keys(forms) });
    const memory = async (name: string) => (await target.store.get(name)).spec.memory;
    expect(await Promise.all(Object.keys(forms).map(memory))).toEqual([
      2.5 * GIB,
      GIB,
      3 * GIB,
      512 * MIB,
    ]);
    expect((await target.store.get('db')).spec).toMatchObject({ cpus: 3, disk: 256 * MIB });
  });

  test('has its seed, byte for byte', async ({ legacy, target }) => {
    await target.migrate({ names: ['web'] });
    const { seed } = target.layout.instance('web');
    expect((await readFile(seed)).equals(await readFile(legacy.instance('web').seed))).toBe(true);
    expect((await stat(seed)).mode & 0o777).toBe(0o600);
  });

  test('has its key, for the owner alone, once for all', async ({ legacy, target }) => {
    await target.migrate({ names: ['web', 'old'] });
    const [key, ...more] = await readdir(target.layout.keys);
    expect(more).toEqual([]);
    const path = join(target.layout.keys, key!);
    expect(await readFile(path, 'utf8')).toBe(await readFile(legacy.paths.sshKey, 'utf8'));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    for (const name of ['web', 'old']) {
      expect((await target.store.get(name)).spec.sshKey).toBe(key);
    }
  });

  test('is told to have no key when there is none', async ({ legacy, target }) => {
    await rm(legacy.paths.sshKey);
    const { warnings } = await target.migrateOne('db');
    expect(warnings).toEqual(['no ssh key was found for it: nobody can enter it without one']);
    expect((await target.store.get('db')).spec.sshKey).toBeNull();
  });

  test('is deleted still, and can be recovered', async ({ target }) => {
    await target.migrate({ names: ['gone'] });
    const gone = await target.store.get('gone');
    expect(gone.state).toBe('Deleted');
    await gone.recover();
    expect((await target.store.get('gone')).state).toBe('Stopped');
  });

  test('can be cloned at once, with a network-config of its own', async ({ target }) => {
    await target.migrate({ names: ['web'] });
    const copy = await (await target.store.get('web')).clone();
    expect(copy.name).toBe('web-clone1');
    const [first, lan] = copy.spec.interfaces.map(({ mac }) => mac.toString());
    const { seed } = target.layout.instance('web-clone1');
    const { files } = readIso(await readFile(seed), seed);
    const text = (name: string) => files.find((file) => file.name === name)!.data.toString();
    expect(text('network-config')).toContain(
      `  default:\n    match:\n      macaddress: "${first}"`,
    );
    expect(text('network-config')).toContain(`  extra0:\n    match:\n      macaddress: "${lan}"`);
    expect(text('network-config')).not.toContain('52:54:00:10:00:0');
    expect(text('meta-data')).toContain('local-hostname: web-clone1');
    expect(copy.image.migratedFrom).toBeNull();
  });
});

describe('which instances', () => {
  test('are those that are named, each once', async ({ target }) => {
    const { report, complete } = await target.migrate({ names: ['db', 'web', 'db'] });
    expect(report.instances.map(({ name }) => name)).toEqual(['db', 'web']);
    expect(complete).toBe(true);
    expect((await target.store.list()).map(({ name }) => name)).toEqual(['db', 'web']);
  });

  test('fails for a name that is not there, once, after the others', async ({ target }) => {
    const outcome = await target.migrate({ names: ['nobody', 'db', 'nobody'] });
    expect(actionsOf(outcome)).toEqual({ db: 'migrated', nobody: 'failed' });
    expect(lineOf(outcome, 'nobody').reason).toBe('instance "nobody" does not exist');
    expect(outcome.report.instances).toHaveLength(2);
    expect(outcome.complete).toBe(false);
  });

  test('are no records without a folder, and no folders without anything', async ({
    legacy,
    target,
  }) => {
    await legacy.changeSpecs((records) => {
      for (const name of ['lost', '../../escape', '']) records[name] = records['db']!;
    });
    await legacy.changeImagePath('orphan', '/nowhere/\0/x.img');
    await mkdir(join(legacy.vault, 'bare'));
    const outcome = await target.migrate({
      names: ['lost', '../../escape', '', 'orphan', 'bare'],
    });
    expect(outcome.complete).toBe(true);
    const reasons = outcome.report.instances.map(({ name, reason }) => [name, reason]);
    const gone = 'a record without an instance: its folder is gone';
    expect(Object.fromEntries(reasons)).toEqual({
      '': gone,
      '../../escape': gone,
      bare: 'a folder without a disk and without a record',
      lost: gone,
      orphan: gone,
    });
  });

  test('are no ghosts, unless a ghost has a disk', async ({ legacy, target }) => {
    await rename(legacy.instance('db').folder, join(legacy.vault, 'ghost'));
    const { action, reason } = await target.migrateOne('ghost');
    expect([action, reason]).toEqual(['recovered', 'its record was lost: read from its files']);
    await rm(join(legacy.vault, 'ghost'), { recursive: true });
    const other = new MigrationTarget(`${target.layout.root}-2`, legacy.root);
    expect((await other.migrateOne('ghost')).reason).toBe(
      'a ghost: a record that stands for no instance',
    );
  });

  test('fails for a folder whose name is no name, and not for the others', async ({
    legacy,
    target,
  }) => {
    const strange = ['bad_name', '-rf', 'x'.repeat(64), 'a b', 'ä'];
    for (const name of strange) {
      await cp(legacy.instance('db').folder, join(legacy.vault, name), { recursive: true });
    }
    const outcome = await target.migrate({ names: [...strange, 'db'] });
    for (const name of strange) {
      expect(lineOf(outcome, name)).toMatchObject({
        action: 'failed',
        reason: `${JSON.stringify(name)} is no name for an instance`,
      });
    }
    expect(lineOf(outcome, 'db').action).toBe('migrated');
    expect(outcome.complete).toBe(false);
  });
});

describe('where the legacy data are', () => {
  test('is found by itself, and the store may be in the same folder', async ({ legacy }) => {
    const target = new MigrationTarget(legacy.root, '');
    const before = await treeOf(legacy.paths.data);
    const host = { env: { MULTIPASS_STORAGE: legacy.root }, home: '/' } as const;
    const { report } = await target.migrate({ from: undefined, host, names: ['db'] });
    expect(report.from).toContain(legacy.paths.data);
    expect((await target.store.list()).map(({ name }) => name)).toEqual(['db']);
    expect(await treeOf(legacy.paths.data)).toEqual(before);
  });

  test('may be a snap’s common folder, with every recorded path stale', async ({
    legacy,
    target,
  }) => {
    const common = join(legacy.root, 'common');
    await mkdir(join(common, 'data'), { recursive: true });
    await rename(legacy.paths.data, join(common, 'data', 'multipassd'));
    const { report } = await target.migrate({ from: common, names: ['web'] });
    expect(report.from).toEqual([join(common, 'data', 'multipassd')]);
    expect((await target.store.get('web')).spec.cpus).toBe(2);
  });

  test('is followed through links to the vault and to an instance’s folder', async ({
    legacy,
    target,
  }) => {
    const elsewhere = join(legacy.root, 'elsewhere');
    await mkdir(elsewhere);
    const vault = join(legacy.paths.data, 'vault');
    await rename(vault, join(elsewhere, 'vault'));
    await symlink(join(elsewhere, 'vault'), vault);
    const { folder } = legacy.instance('db');
    await rename(folder, join(elsewhere, 'db'));
    await symlink(join(elsewhere, 'db'), folder);
    const link = join(legacy.root, 'link');
    await symlink(legacy.paths.data, link);
    const outcome = await target.migrate({ from: link, names: ['db', 'web'] });
    expect(actionsOf(outcome)).toEqual({ db: 'migrated', web: 'migrated' });
    expect((await stat(target.layout.instance('db').disk)).isFile()).toBe(true);
  });

  test('fails when there are none', async ({ target, root }) => {
    const host = { env: {}, home: dirname(root) } as const;
    await expect(target.migrate({ from: dirname(root), host })).rejects.toMatchObject({
      code: 'LEGACY_NOT_FOUND',
    });
    await writeFile(root, '');
    await expect(target.migrate({ from: root })).rejects.toMatchObject({
      code: 'LEGACY_NOT_FOUND',
    });
  });
});
