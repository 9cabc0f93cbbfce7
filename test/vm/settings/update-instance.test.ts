import { parseRow } from '../../../src/store/mac-table.js';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { MultipassError } from '../../../src/errors.js';
import { run } from '../../../src/process/run.js';
import { readMetaData } from '../../../src/net/meta-data.js';
import { readQcow2 } from '../../../src/qemu/qcow2-header.js';
import type { InstanceDir } from '../../../src/store/instance-dir.js';
import type { StoreLayout } from '../../../src/store/layout.js';
import { StagedInstance } from '../../../src/store/staging.js';
import { renameInstance } from '../../../src/vm/rename-instance.js';
import { readSeed } from '../../../src/vm/seed/seed.js';
import { getSetting, setSetting } from '../../../src/vm/settings/get-and-set.js';
import { makeInstance, specOf, test } from '../../support/store-fixture.js';
import { errorOf, expectRefusal } from '../../support/refusal.js';
import { replaceProgram } from '../../support/replace-program.js';
import { snapshotRecord, writeSnapshot } from '../../support/snapshot-record.js';
import { contentOf } from '../../support/disk-content.js';
import { makeUnfit } from '../../support/run-state.js';
import { pretendToRun } from '../../support/pretend-to-run.js';

const MIB = 1024 ** 2;

function seedText(dir: InstanceDir, file: string): string {
  return readSeed(dir.seed)!
    .find(({ name }) => name === file)!
    .data.toString('utf8');
}

describe('the settings of a stopped instance', () => {
  test('change its spec alone', async ({ store }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web');
    const { spec } = await store.get('web');
    const [disk, seed] = [await readFile(dir.disk), await readFile(dir.seed)];
    await setSetting(layout, 'local.web.cpus', '3');
    await setSetting(layout, 'local.web.memory', '1.5G');
    expect(getSetting(layout, 'local.web.cpus')).toBe('3');
    expect(getSetting(layout, 'local.web.memory')).toBe('1.5GiB');
    const changed = { ...spec, cpus: 3, memory: 1536 * MIB };
    expect((await store.get('web')).spec).toEqual(changed);
    expect(disk.equals(await readFile(dir.disk))).toBe(true);
    expect(seed.equals(await readFile(dir.seed))).toBe(true);
  });

  test('make its disk larger, and keep what is in it and in its snapshots', async ({ store }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web', { tags: 1, thin: true });
    await writeSnapshot(dir, snapshotRecord(1));
    const before = await contentOf(dir, '@s1');
    await setSetting(layout, 'local.web.disk', '80M');
    expect(readQcow2(dir.disk).virtualSize).toBe(80 * MIB);
    expect((await store.get('web')).spec.disk).toBe(80 * MIB);
    expect(existsSync(dir.pending)).toBe(false);
    expect(await contentOf(dir, '@s1')).toBe(before);
    await run('qemu-img', ['check', '-q', dir.disk]);
    // In whole sectors, for others cannot be had.
    await setSetting(layout, 'local.web.disk', `${80 * MIB + 1}`);
    expect(readQcow2(dir.disk).virtualSize).toBe(80 * MIB + 512);
    expect((await store.get('web')).spec.disk).toBe(80 * MIB + 512);
  });

  test('are right at once when the disk is as large already', async ({ store }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web');
    await setSetting(layout, 'local.web.disk', '64M');
    await run('qemu-img', ['resize', '-q', dir.disk, '100M']);
    const disk = await readFile(dir.disk);
    await errorOf(setSetting(layout, 'local.web.disk', '80M'), 'SETTING_INVALID');
    await setSetting(layout, 'local.web.disk', '100M');
    expect((await store.get('web')).spec.disk).toBe(100 * MIB);
    expect(disk.equals(await readFile(dir.disk))).toBe(true);
  });

  const SIZE_RULE =
    'is not a valid memory size - need a non-negative integer (in base 10) or a decimal followed by K, M, or G ' +
    '(e.g. 1234B, 42MiB, 0.5G)';
  const CPU_RULE = 'Need a positive integer (in decimal format) of minimum 1';

  test.for<[property: string, value: string, problem: string]>([
    ['cpus', '0', CPU_RULE],
    ['cpus', '-1', CPU_RULE],
    ['cpus', '0x2', CPU_RULE],
    ['cpus', '1.5', CPU_RULE],
    ['cpus', '', CPU_RULE],
    ['memory', '127M', 'Memory less than 128M minimum not allowed'],
    ['memory', 'much', `much ${SIZE_RULE}`],
    ['memory', '', ` ${SIZE_RULE}`],
    ['disk', '63M', 'Disk can only be expanded'],
    ['disk', '-1', `-1 ${SIZE_RULE}`],
    ['disk', '4194304G', 'Disk more than 2097152.0GiB not possible'],
    ['autostart', '', 'Invalid flag, need "true" or "false"'],
    ['bridged', 'perhaps', 'Invalid flag, need "true" or "false"'],
  ])('cannot be anything: %s=%s', async ([property, value, problem], { store }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web');
    const spec = await readFile(dir.spec);
    const key = `local.web.${property}`;
    const error = await errorOf(setSetting(layout, key, value), 'SETTING_INVALID');
    expect(error.message).toBe(`Invalid setting '${key}=${value}': ${problem}`);
    expect(await readFile(dir.spec)).toEqual(spec);
    expect(existsSync(dir.pending)).toBe(false);
  });

  test('do not resize an old image that holds snapshots', async ({ store }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web');
    const old = ['create', '-q', '-f', 'qcow2', '-o', 'compat=0.10', dir.disk, '64M'];
    await run('qemu-img', old);
    await run('qemu-img', ['snapshot', '-c', '@s1', dir.disk]);
    const error = await errorOf(setSetting(layout, 'local.web.disk', '80M'), 'DISK_INVALID');
    expect(error.hint).toContain('compat=1.1');
    expect(existsSync(dir.pending)).toBe(false);
  });
});

describe('an instance that is not stopped', () => {
  test('keeps its settings, and says why', async ({ store }) => {
    const { layout } = store;
    await makeUnfit(layout);
    await makeInstance(layout, 'web');
    const staged = await StagedInstance.create(layout, specOf().uuid, 'soon');
    for (const [name, code, reason] of [
      ['running', 'INSTANCE_NOT_STOPPED', 'Instance must be stopped for modification'],
      ['asleep', 'INSTANCE_NOT_STOPPED', 'Instance must be stopped for modification'],
      ['gone', 'INSTANCE_DELETED', 'Instance is deleted'],
      ['nope', 'INSTANCE_NOT_FOUND', 'No such instance'],
      ['soon', 'NAME_IN_PREPARATION', 'instance is being prepared'],
    ] as const) {
      const setting = (): Promise<void> => setSetting(layout, `local.${name}.cpus`, '2');
      expect(await expectRefusal(store, setting, code)).toMatchObject({
        message: `Cannot update instance settings; instance: ${name}; reason: ${reason}`,
      });
    }
    await staged.discard();
  });
});

describe('local.<instance>.autostart', () => {
  test('is set while it runs, kept by a rename, and no clone has it', async ({ store }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web');
    const old = JSON.parse(await readFile(dir.spec, 'utf8')) as Record<string, unknown>;
    delete old['autostart'];
    await writeFile(dir.spec, JSON.stringify(old));
    expect(getSetting(layout, 'local.web.autostart'), 'of an older version').toBe('false');
    await pretendToRun(dir);
    await setSetting(layout, 'local.web.autostart', 'true');
    expect(getSetting(layout, 'local.web.autostart')).toBe('true');
    await rm(dir.qemuPid);
    await setSetting(layout, 'local.web.autostart', 'yes');
    const web = await store.get('web');
    await web.clone('web-2');
    expect(getSetting(layout, 'local.web-2.autostart')).toBe('false');
    await renameInstance({ layout, name: 'web', newName: 'site' });
    expect(getSetting(layout, 'local.site.autostart')).toBe('true');
    await setSetting(layout, 'local.site.autostart', 'off');
    expect(getSetting(layout, 'local.site.autostart')).toBe('false');
  });
});

describe('local.<instance>.bridged', () => {
  /** Bridge mode, and a bridge `br0` of the host: as far as anybody who asks `ip` can tell. */
  async function withBridge(layout: StoreLayout, home: string): Promise<void> {
    const links = [{ ifname: 'br0', link_type: 'ether', linkinfo: { info_kind: 'bridge' } }];
    await replaceProgram(home, 'ip', `echo '${JSON.stringify(links)}'`);
    await setSetting(layout, 'local.network', 'bridge');
    await setSetting(layout, 'local.bridged-network', 'br0');
  }

  test('adds an interface that cloud-init sets up at the next start', async ({ store, root }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web');
    await withBridge(layout, join(root, '..', 'programs'));
    const { spec } = await store.get('web');
    const [userData, vendorData] = [seedText(dir, 'user-data'), seedText(dir, 'vendor-data')];
    await mkdir(dir.run);
    await writeFile(dir.knownHosts, 'web ssh-ed25519 AAAA');
    expect(getSetting(layout, 'local.web.bridged')).toBe('false');

    await setSetting(layout, 'local.web.bridged', 'true');
    expect(getSetting(layout, 'local.web.bridged')).toBe('true');
    const { spec: now } = await store.get('web');
    const [first, added, ...more] = now.interfaces;
    expect(now).toEqual({ ...spec, interfaces: now.interfaces });
    expect([first, ...more]).toEqual(spec.interfaces);
    expect(added).toMatchObject({ network: 'br0', auto: true });
    const row = await readFile(layout.macRow(added!.mac.toHex()), 'utf8');
    expect(parseRow(row).uuid).toBe(spec.uuid);
    const { instanceId, hostname } = readMetaData(seedText(dir, 'meta-data'));
    expect(instanceId).toMatch(/^[0-9a-f-]{36}$/);
    expect([spec.uuid, 'web']).not.toContain(instanceId);
    expect(hostname).toBe('web');
    expect(seedText(dir, 'network-config')).toMatch(
      new RegExp(`extra0:\n +match:\n +macaddress: "?${added!.mac.toString()}`),
    );
    expect(seedText(dir, 'user-data')).toBe(userData);
    expect(seedText(dir, 'vendor-data')).toBe(vendorData);
    // Under another instance-id the guest makes other host keys.
    expect(existsSync(dir.knownHosts)).toBe(false);
    expect(existsSync(dir.pending)).toBe(false);

    await setSetting(layout, 'local.web.bridged', 'yes');
    expect((await store.get('web')).spec).toEqual(now);
    const off = await errorOf(setSetting(layout, 'local.web.bridged', 'false'), 'SETTING_INVALID');
    expect(off.message).toBe(
      "Invalid setting 'local.web.bridged=false': Removing the bridged network is currently not supported",
    );
  });

  test('is off, and may be set so, where no network is named', async ({ store: { layout } }) => {
    await makeInstance(layout, 'web');
    await setSetting(layout, 'local.web.bridged', 'off');
    expect(getSetting(layout, 'local.web.bridged')).toBe('false');
  });

  test('needs a network to be bridged to', async ({ store: { layout }, root }) => {
    const dir = await makeInstance(layout, 'web');
    const spec = await readFile(dir.spec);
    const setting = (): Promise<void> => setSetting(layout, 'local.web.bridged', 'true');
    await errorOf(setting(), 'NETWORK_NOT_FOUND');
    await withBridge(layout, join(root, '..', 'programs'));
    await setSetting(layout, 'local.network', 'user');
    await errorOf(setting(), 'NETWORK_UNAVAILABLE');
    await setSetting(layout, 'local.network', 'bridge');
    await setSetting(layout, 'local.bridged-network', 'br7');
    await errorOf(setting(), 'NETWORK_NOT_FOUND');
    expect(await readFile(dir.spec)).toEqual(spec);
  });
});

describe('the settings of a snapshot', () => {
  test('are its name and its comment', async ({ store }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web', { tags: 2 });
    const [first, second] = [snapshotRecord(1), snapshotRecord(2, { comment: 'a\nb' })];
    for (const record of [first, second]) await writeSnapshot(dir, record);
    const key = 'local.web.snapshot2';
    expect(getSetting(layout, `${key}.comment`)).toBe('a\nb');
    expect(getSetting(layout, `${key}.name`)).toBe('snapshot2');
    const disk = await readFile(dir.disk);
    await setSetting(layout, `${key}.comment`, '');
    await setSetting(layout, `${key}.name`, 'snapshot2');
    await setSetting(layout, `${key}.name`, 'young');
    expect((await store.get('web')).snapshots().map(({ record }) => record)).toEqual([
      first,
      { ...second, name: 'young', comment: '' },
    ]);
    expect(disk.equals(await readFile(dir.disk))).toBe(true);
    expect(() => getSetting(layout, `${key}.name`)).toThrow('No such snapshot: web.snapshot2');
  });

  test('cannot be anything, nor of anything', async ({ store }) => {
    const { layout } = store;
    await makeUnfit(layout);
    const web = await makeInstance(layout, 'web');
    for (const index of [1, 2]) await writeSnapshot(web, snapshotRecord(index));
    for (const name of ['running', 'gone']) {
      await writeSnapshot(layout.instance(name), snapshotRecord(1));
    }
    const refusals: [key: string, value: string, code: MultipassError['code']][] = [
      ['local.web.snapshot1.name', 'snapshot2', 'SNAPSHOT_EXISTS'],
      ['local.web.snapshot1.name', '1x', 'INVALID_NAME'],
      ['local.web.snapshot1.comment', 'x'.repeat(65_537), 'INVALID_ARGUMENT'],
      ['local.web.snapshot3.name', 'x', 'SNAPSHOT_NOT_FOUND'],
      ['local.web.snapshot1.index', '2', 'SETTING_UNKNOWN'],
      ['local.running.snapshot1.name', 'x', 'INSTANCE_NOT_STOPPED'],
      ['local.gone.snapshot1.name', 'x', 'INSTANCE_DELETED'],
      ['local.nope.snapshot1.name', 'x', 'INSTANCE_NOT_FOUND'],
    ];
    for (const [key, value, code] of refusals) {
      await expectRefusal(store, () => setSetting(layout, key, value), code);
    }
    await pretendToRun(web);
    await expectRefusal(
      store,
      () => setSetting(layout, 'local.web.snapshot1.comment', 'x'),
      'INSTANCE_NOT_STOPPED',
    );
  });
});
