import { parseRow } from '../../src/store/mac-table.js';
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { InstanceDir } from '../../src/store/instance-dir.js';
import type { StoreLayout } from '../../src/store/layout.js';
import { StagedInstance } from '../../src/store/staging.js';
import { deleteInstance } from '../../src/vm/delete-instance.js';
import { rebuildMacTable, rowsOfFolder } from '../../src/vm/macs.js';
import { prepareStore } from '../../src/vm/sweep.js';
import { handMadeMac, makeInstance } from '../support/store-fixture.js';
import { test } from '../support/worker-fixture.js';

async function addSnapshot(dir: InstanceDir, macs: readonly string[]): Promise<void> {
  await mkdir(dir.snapshots, { recursive: true });
  const files = await readdir(dir.snapshots);
  const interfaces = macs.map((mac) => ({ mac, network: null, auto: true }));
  const file = `${String(files.length + 1).padStart(4, '0')}.json`;
  await writeFile(join(dir.snapshots, file), JSON.stringify({ interfaces }));
}

async function tableOf(layout: StoreLayout): Promise<Record<string, string>> {
  const rows = await readdir(layout.macs);
  return Object.fromEntries(
    await Promise.all(
      rows.map(async (hex): Promise<[string, string]> => [
        hex,
        parseRow(await readFile(layout.macRow(hex), 'utf8')).uuid,
      ]),
    ),
  );
}

describe('rowsOfFolder', () => {
  test('tells the uuid and every MAC, of snapshots too, each once', async ({
    store: { layout },
  }) => {
    const uuid = randomUUID();
    const interfaces = [handMadeMac(), handMadeMac()].map((mac) => ({
      mac,
      network: null,
      auto: true,
    }));
    const [first, ...rest] = interfaces;
    const spec = { uuid, interfaces: [first!, ...rest] as const };
    const dir = await makeInstance(layout, 'web', { seed: null, data: 0, spec });
    await addSnapshot(dir, [first!.mac.toString(), '52:54:00:AA:BB:CC']);
    await addSnapshot(dir, ['52:54:00:dd:ee:ff']);
    const held = await rowsOfFolder(dir);
    expect(held?.uuid).toBe(uuid);
    expect(held?.rows.sort()).toEqual(
      [...interfaces.map(({ mac }) => mac.toHex()), '525400aabbcc', '525400ddeeff'].sort(),
    );
  });

  test('tells what it can of a broken one, and takes nothing for a MAC that is none', async ({
    store: { layout },
  }) => {
    const uuid = randomUUID();
    const { path } = layout.instance('web');
    const dir = layout.instance('web');
    await mkdir(path);
    expect(await rowsOfFolder(dir)).toBeUndefined();
    await writeFile(dir.spec, '{"uuid":');
    expect(await rowsOfFolder(dir)).toBeUndefined();
    const macs = ['52:54:00:00:00:01', '../../x', '52:54:00:00:00', 5, null];
    await writeFile(
      dir.spec,
      JSON.stringify({ uuid, interfaces: [...macs.map((mac) => ({ mac })), null, 'x'] }),
    );
    await addSnapshot(dir, ['52:54:00:00:00:02']);
    await writeFile(join(dir.snapshots, '0002.json'), 'no json');
    expect(await rowsOfFolder(dir)).toEqual({
      uuid,
      rows: ['525400000001', '525400000002'],
      ports: [],
    });
  });
});

describe('rebuildMacTable', () => {
  test('makes a row for each MAC of each instance, broken and deleted ones and snapshots included', async ({
    store: { layout },
  }) => {
    const web = await makeInstance(layout, 'web', { seed: null, data: 0 });
    await makeInstance(layout, 'deleted', { seed: null, data: 0, spec: { deleted: true } });
    const broken = await makeInstance(layout, 'broken', { seed: null, data: 0 });
    await rm(broken.disk);
    const before = await tableOf(layout);
    expect(Object.keys(before)).toHaveLength(3);
    await addSnapshot(web, ['52:54:00:aa:bb:cc']);
    const webUuid = (await rowsOfFolder(web))!.uuid;
    await symlink('web', join(layout.instances, 'link'));
    await writeFile(join(layout.instances, 'stray'), '');
    await rm(layout.macs, { recursive: true });

    const umask = process.umask(0);
    try {
      await prepareStore(layout);
    } finally {
      process.umask(umask);
    }

    expect(await tableOf(layout)).toEqual({ ...before, '525400aabbcc': webUuid });
    expect(await readdir(layout.staging)).toEqual([]);
    expect((await stat(layout.macs)).mode & 0o777).toBe(0o700);
    expect((await stat(layout.macRow('525400aabbcc'))).mode & 0o777).toBe(0o600);
  });

  test('comes to one table when several processes rebuild it at once', async ({
    store: { layout },
    start,
  }) => {
    await makeInstance(layout, 'web', { seed: null, data: 0 });
    await makeInstance(layout, 'db', { seed: null, data: 0 });
    const before = await tableOf(layout);
    const builders = [start('rebuild'), start('rebuild'), start('rebuild')];
    for (const builder of builders) await builder.next();
    await rm(layout.macs, { recursive: true });
    for (const builder of builders) builder.go();
    for (const builder of builders) expect(await builder.next()).toBe('rebuilt');
    expect(await tableOf(layout)).toEqual(before);
    expect(await readdir(layout.staging)).toEqual([]);
  });

  test('makes a row for what an instance in the making has claimed', async ({
    store: { layout },
  }) => {
    const staged = await StagedInstance.create(layout, randomUUID(), 'web');
    await staged.claimMac('525400000001');
    await rm(layout.macs, { recursive: true });
    await rebuildMacTable(layout);
    expect(await tableOf(layout)).toEqual({ '525400000001': staged.uuid });
  });

  test('leaves a table alone that came back meanwhile', async ({ store: { layout } }) => {
    await makeInstance(layout, 'web', { seed: null, data: 0 });
    const before = await tableOf(layout);
    await writeFile(layout.macRow('525400000099'), `${randomUUID()}\n`);
    await rebuildMacTable(layout);
    expect(Object.keys(await tableOf(layout))).toHaveLength(Object.keys(before).length + 1);
    expect(await readdir(layout.staging)).toEqual([]);
  });

  test('says what is wrong when it cannot be done', async ({ store: { layout } }) => {
    await rm(layout.staging, { recursive: true });
    await expect(rebuildMacTable(layout)).rejects.toMatchObject({
      code: 'IO_ERROR',
      message: expect.stringContaining('rebuild') as string,
    });
  });
});

describe('a MAC address', () => {
  test('stays taken while its instance is soft-deleted or half-made', async ({
    store: { layout },
    start,
  }) => {
    await makeInstance(layout, 'web', { seed: null, data: 0 });
    const [hex] = await readdir(layout.macs);
    await deleteInstance(layout, 'web');
    await start('stage', ['half-made', '5254000000ff']).next();
    await prepareStore(layout);
    const staged = await StagedInstance.create(layout, randomUUID(), null);
    expect(await staged.claimMac(hex!)).toBe(false);
    expect(await staged.claimMac('5254000000ff')).toBe(false);
  });
});
