import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import { type Json, type LegacyCopy, type MigrationTarget, test } from './legacy-copy.js';

/** Names, parents and indexes of an instance's snapshots in the store. */
async function treeIn(target: MigrationTarget, name: string) {
  const vm = await target.store.get(name);
  return vm.snapshots().map(({ parent, record }) => [record.index, record.name, parent]);
}

async function recordOf(target: MigrationTarget, name: string, index: number) {
  const vm = await target.store.get(name);
  return vm.snapshots().find(({ record }) => record.index === index)!.record;
}

async function changeSnapshot(path: string, changes: Json): Promise<void> {
  const { snapshot } = JSON.parse(await readFile(path, 'utf8')) as { snapshot: Json };
  await writeFile(path, JSON.stringify({ snapshot: { ...snapshot, ...changes } }, null, 4));
}

/** Three snapshots in a row, of which the disk is at the last. */
async function addThird(legacy: LegacyCopy): Promise<void> {
  const second = legacy.file('web', '0002.snapshot.json');
  const third = legacy.file('web', '0003.snapshot.json');
  await writeFile(third, await readFile(second));
  await changeSnapshot(third, { index: 3, name: 'third', parent: 2 });
  await run('qemu-img', ['snapshot', '-c', '@s3', legacy.instance('web').disk]);
  await writeFile(legacy.file('web', 'snapshot-head'), '3\n');
}

describe('the snapshots of a migrated instance', () => {
  test('have their tree, their head and all that they hold', async ({ target }) => {
    await target.migrate({ names: ['web'] });
    const web = await target.store.get('web');
    expect(web.spec.snapshotHead).toBe(1);
    const [fresh, upgrade] = web.snapshots().map(({ record }) => record);
    expect(await treeIn(target, 'web')).toEqual([
      [1, 'fresh', null],
      [2, 'before-upgrade', 'fresh'],
    ]);
    expect(fresh).toEqual({
      index: 1,
      name: 'fresh',
      comment: 'Right after the installation',
      parent: 0,
      created: '2026-03-02T08:15:30.125Z',
      cpus: 2,
      memory: 1024 ** 3,
      disk: 128 * 1024 ** 2,
      interfaces: [web.spec.interfaces[0]],
      mounts: [],
      instanceId: 'web',
    });
    expect(upgrade).toMatchObject({
      comment: 'With "quotes",\nand two lines',
      parent: 1,
      memory: 2 * 1024 ** 3,
      interfaces: web.spec.interfaces,
      mounts: web.spec.mounts,
      instanceId: 'web_e',
    });
  });

  test('have the instance’s interfaces when they are from before 1.14', async ({
    legacy,
    target,
  }) => {
    const path = legacy.file('web', '0001.snapshot.json');
    await changeSnapshot(path, { extra_interfaces: undefined, cloud_init_instance_id: undefined });
    expect((await target.migrateOne('web')).warnings).toEqual([]);
    const web = await target.store.get('web');
    const { interfaces } = web.spec;
    expect(await recordOf(target, 'web', 1)).toMatchObject({ interfaces, instanceId: null });
  });

  test('are left out when the disk has lost them; their children move up', async ({
    legacy,
    target,
  }) => {
    await addThird(legacy);
    await run('qemu-img', ['snapshot', '-d', '@s2', legacy.instance('web').disk]);
    const line = await target.migrateOne('web');
    expect(line.snapshots).toBe(2);
    expect(line.warnings).toEqual([
      'its snapshot "before-upgrade" is not in the disk any more: it was left out',
    ]);
    expect(await treeIn(target, 'web')).toEqual([
      [1, 'fresh', null],
      [3, 'third', 'fresh'],
    ]);
    expect((await target.store.get('web')).spec.snapshotHead).toBe(3);
  });

  test('have the nearest one for a head when the disk has lost that', async ({
    legacy,
    target,
  }) => {
    await addThird(legacy);
    for (const tag of ['@s2', '@s3']) {
      await run('qemu-img', ['snapshot', '-d', tag, legacy.instance('web').disk]);
    }
    expect((await target.migrateOne('web')).snapshots).toBe(1);
    expect((await target.store.get('web')).spec.snapshotHead).toBe(1);
  });

  test('are all gone with the qcow2', async ({ legacy, target }) => {
    const { disk } = legacy.instance('web');
    await run('qemu-img', ['convert', '-O', 'vmdk', disk, `${disk}.vmdk`]);
    await rename(`${disk}.vmdk`, disk);
    const line = await target.migrateOne('web');
    expect(line).toMatchObject({ method: 'convert', snapshots: 0 });
    expect(line.warnings).toHaveLength(2);
    const web = await target.store.get('web');
    expect(web.spec.snapshotHead).toBe(0);
    expect(web.snapshots()).toEqual([]);
  });

  test.for([
    ['is gone', null],
    ['is cut off', '{\n    "snapshot": {\n        "comment": "Wi'],
    ['has NULs alone', '\0'.repeat(600)],
  ] as const)('get what the disk tells when a record %s', async ([, text], { legacy, target }) => {
    const path = legacy.file('web', '0002.snapshot.json');
    await (text === null ? rm(path) : writeFile(path, text));
    const line = await target.migrateOne('web');
    expect(line.warnings.at(-1)).toBe(
      'the record of its snapshot number 2 is lost: it is "snapshot2" now',
    );
    expect(line.snapshots).toBe(2);
    expect(await treeIn(target, 'web')).toEqual([
      [1, 'fresh', null],
      [2, 'snapshot2', null],
    ]);
    const web = await target.store.get('web');
    const { cpus, memory, disk, interfaces, mounts } = web.spec;
    expect(await recordOf(target, 'web', 2)).toMatchObject({
      cpus,
      memory,
      disk,
      interfaces,
      mounts,
      comment: '',
    });
  });

  test('leave the tags of others in the disk alone', async ({ legacy, target }) => {
    const { disk } = legacy.instance('asleep');
    for (const tag of ['@s', '@s0', '@s12345', 'mine']) {
      await run('qemu-img', ['snapshot', '-c', tag, disk]);
    }
    expect(await target.migrateOne('asleep')).toMatchObject({ snapshots: 0, warnings: [] });
  });

  test('have no head when none is recorded and there are none', async ({ legacy, target }) => {
    await rm(legacy.file('web', 'snapshot-head'));
    await target.migrate({ names: ['web', 'old'] });
    expect((await target.store.get('web')).spec.snapshotHead).toBe(2);
    expect((await target.store.get('old')).spec.snapshotHead).toBe(0);
  });

  test('get a name when theirs is none, or another one’s', async ({ legacy, target }) => {
    await addThird(legacy);
    const names = ['third', '../../up', 'third'];
    for (const [at, name] of names.entries()) {
      await changeSnapshot(legacy.file('web', `000${at + 1}.snapshot.json`), { name });
    }
    const { warnings } = await target.migrateOne('web');
    expect((await treeIn(target, 'web')).map(([, name]) => name)).toEqual([
      'third',
      'snapshot2',
      'third-3',
    ]);
    expect(warnings).toEqual([
      expect.stringContaining('its snapshot "../../up" is called "snapshot2" now'),
      expect.stringContaining('its snapshot "third" is called "third-3" now'),
    ]);
  });

  test('keep an index that no file of ours could have out', async ({ legacy, target }) => {
    await changeSnapshot(legacy.file('web', '0002.snapshot.json'), { index: 10_000 });
    expect(await treeIn(target, (await target.migrateOne('web')).name)).toEqual([
      [1, 'fresh', null],
      [2, 'snapshot2', null],
    ]);
  });
});
