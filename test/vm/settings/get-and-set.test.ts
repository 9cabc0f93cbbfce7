import { scryptSync } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { getSetting, setSetting, settingKeys } from '../../../src/vm/settings/get-and-set.js';
import type { StoreLayout } from '../../../src/store/layout.js';
import { makeInstance, test } from '../../support/store-fixture.js';
import { snapshotRecord, writeSnapshot } from '../../support/snapshot-record.js';

const STORE_KEYS = [
  'client.primary-name',
  'local.accelerator',
  'local.bridged-network',
  'local.default.cloud-init',
  'local.default.cpus',
  'local.default.disk',
  'local.default.image',
  'local.default.memory',
  'local.driver',
  'local.host-loopback',
  'local.image.mirror',
  'local.network',
  'local.passphrase',
  'local.privileged-mounts',
  'local.registry',
  'local.registry.insecure',
];

async function fileOf(layout: StoreLayout): Promise<unknown> {
  return JSON.parse(await readFile(layout.settingsFile, 'utf8'));
}

describe('a setting of the store', () => {
  test('has a default', ({ store: { layout } }) => {
    expect(STORE_KEYS.map((key) => getSetting(layout, key))).toEqual([
      'primary',
      'auto',
      '',
      ...['', '1', '5.0GiB', 'default', '1.0GiB'],
      'qemu',
      'auto',
      '',
      'auto',
      'false',
      'true',
      '',
      '',
    ]);
  });

  test.for<[key: string, given: string, got: string]>([
    ['client.primary-name', 'web', 'web'],
    ['client.primary-name', '', ''],
    ['local.accelerator', 'kvm', 'kvm'],
    ['local.bridged-network', 'en0', 'en0'],
    ['local.bridged-network', '', ''],
    ['local.driver', 'qemu', 'qemu'],
    ['local.image.mirror', 'https://example.org/a', 'https://example.org/a/'],
    ['local.image.mirror', 'HTTPS://Example.org', 'https://example.org/'],
    ['local.image.mirror', 'https://example.org:8443/a//', 'https://example.org:8443/a/'],
    ['local.image.mirror', 'http://localhost:8000', 'http://localhost:8000/'],
    ['local.image.mirror', 'http://[::1]/', 'http://[::1]/'],
    ['local.image.mirror', '', ''],
    ['local.registry', 'r.io:5000', 'r.io:5000'],
    ['local.registry.insecure', 'r.io, [::1]:5000', 'r.io,[::1]:5000'],
    ['local.network', 'bridge', 'bridge'],
    ['local.host-loopback', 'off', 'false'],
    ['local.privileged-mounts', 'false', 'false'],
    ['local.privileged-mounts', 'ON', 'true'],
    ['local.privileged-mounts', '0', 'false'],
  ])('is what it was set to: %s=%s', async ([key, given, got], { store: { layout } }) => {
    await setSetting(layout, key, given);
    expect(getSetting(layout, key)).toBe(got);
    expect(await fileOf(layout)).toEqual({ [key]: got });
    await setSetting(layout, key, got);
    expect(getSetting(layout, key)).toBe(got);
  });

  test.for<[key: string, value: string, problem: string]>([
    ['client.primary-name', '1web', 'it is no name that an instance can have'],
    ['client.primary-name', 'a.b', 'it is no name that an instance can have'],
    ['local.accelerator', 'xen', 'need "auto" or "kvm" or "tcg"'],
    ['local.bridged-network', 'a\nb', 'it is no name that a network can have'],
    ['local.driver', 'lxd', 'need "qemu"'],
    ['local.image.mirror', 'http://example.org', 'need an https URL'],
    ['local.image.mirror', 'http://127.0.0.1.example.org', 'need an https URL'],
    ['local.image.mirror', 'https://user@example.org', 'need an https URL'],
    ['local.image.mirror', 'https://example.org/?a', 'need an https URL'],
    ['local.image.mirror', 'file:///srv', 'need an https URL'],
    ['local.image.mirror', 'example.org', 'need an https URL'],
    ['local.network', 'User', 'need "auto" or "shared" or "user" or "bridge"'],
    ['local.privileged-mounts', 'maybe', 'Invalid flag, need "true" or "false"'],
    ['local.privileged-mounts', '', 'Invalid flag, need "true" or "false"'],
  ])('cannot be anything: %s=%s', async ([key, value, problem], { store: { layout } }) => {
    await expect(setSetting(layout, key, value)).rejects.toMatchObject({
      code: 'SETTING_INVALID',
      message: expect.stringContaining(`Invalid setting '${key}=${value}': ${problem}`) as string,
    });
    expect(await readdir(layout.root)).not.toContain('settings.json');
  });

  test('keeps a passphrase as its hash alone', async ({ store: { layout } }) => {
    await setSetting(layout, 'local.passphrase', 'foo bar');
    expect(getSetting(layout, 'local.passphrase')).toBe('true');
    const hash = scryptSync('foo bar', '', 64, { N: 16384, r: 8, p: 1 }).toString('hex');
    expect(await fileOf(layout)).toEqual({ 'local.passphrase': hash });
    expect((await stat(layout.settingsFile)).mode & 0o777).toBe(0o600);
    await setSetting(layout, 'local.passphrase', '');
    expect(getSetting(layout, 'local.passphrase')).toBe('false');
  });

  test('leaves all others as they are, known or not', async ({ store: { layout } }) => {
    const others = { 'local.driver': 'qemu', 'x.y': [1, { z: null }], 'local.network': 'bridge' };
    await writeFile(layout.settingsFile, JSON.stringify(others));
    await setSetting(layout, 'local.accelerator', 'tcg');
    await setSetting(layout, 'local.network', 'user');
    expect(await fileOf(layout)).toEqual({
      ...others,
      'local.network': 'user',
      'local.accelerator': 'tcg',
    });
  });

  test('is not lost when others are set at once', async ({ store: { layout } }) => {
    const values = ['client.primary-name=a', 'local.network=bridge', 'local.accelerator=tcg'];
    const more = ['local.bridged-network=br0', 'local.image.mirror=https://a.org/'];
    const pairs = [...values, ...more].map((pair) => pair.split('=') as [string, string]);
    await Promise.all(pairs.map(([key, value]) => setSetting(layout, key, value)));
    expect(await fileOf(layout)).toEqual(Object.fromEntries(pairs));
    expect(await readdir(layout.locks)).toEqual([]);
  });

  test('leaves a file alone that cannot be read', async ({ store: { layout } }) => {
    await writeFile(layout.settingsFile, '{ "local.network": 5 }');
    const setting = setSetting(layout, 'local.network', 'user');
    await expect(setting).rejects.toMatchObject({ code: 'RECORD_INVALID' });
    expect(await readFile(layout.settingsFile, 'utf8')).toBe('{ "local.network": 5 }');
    expect(() => getSetting(layout, 'local.driver')).toThrow('/local.network');
  });

  test('waits for nobody once it is interrupted', async ({ store: { layout } }) => {
    const signal = AbortSignal.abort();
    const setting = setSetting(layout, 'local.network', 'user', { work: { signal } });
    await expect(setting).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await readdir(layout.root)).not.toContain('settings.json');
  });
});

describe('a setting of an instance', () => {
  test('is what its spec says, for people', async ({ store: { layout } }) => {
    const spec = { cpus: 3, memory: 1.5 * 1024 ** 3, disk: 5 * 1024 ** 3 };
    await makeInstance(layout, 'web', { spec });
    const keys = ['cpus', 'memory', 'disk'].map((property) => `local.web.${property}`);
    expect(keys.map((key) => getSetting(layout, key))).toEqual(['3', '1.5GiB', '5.0GiB']);
  });

  test('needs an instance, and one that is not deleted', async ({ store: { layout } }) => {
    await makeInstance(layout, 'gone', { spec: { deleted: true } });
    expect(() => getSetting(layout, 'local.nope.cpus')).toThrow('instance "nope" does not exist');
    expect(() => getSetting(layout, 'local.gone.cpus')).toThrow('instance "gone" is deleted');
    const setting = setSetting(layout, 'local.nope.cpus', '1');
    await expect(setting).rejects.toMatchObject({ code: 'INSTANCE_NOT_FOUND' });
  });
});

describe('the keys', () => {
  test('are those of the store and of the instances there are', async ({ store: { layout } }) => {
    expect(await settingKeys(layout)).toEqual(STORE_KEYS);
    await makeInstance(layout, 'web');
    await makeInstance(layout, 'gone', { spec: { deleted: true } });
    await makeInstance(layout, 'bad');
    await writeFile(layout.instance('bad').spec, '{');
    await writeSnapshot(layout.instance('web'), snapshotRecord(1));
    const properties = ['autostart', 'bridged', 'cpus', 'disk', 'memory'];
    const ofSnapshot = ['snapshot1.comment', 'snapshot1.name'];
    const own = [...properties, ...ofSnapshot].map((key) => `local.web.${key}`);
    expect(await settingKeys(layout)).toEqual([...STORE_KEYS, ...own].sort());
    for (const key of await settingKeys(layout)) expect(getSetting(layout, key)).toBeDefined();
  });

  test.for([
    '',
    'local',
    'local.web',
    'primary',
    'local.web.uuid',
    'local.../x.cpus',
    'local.a.b.c.d',
  ])('are no others: %j', async (key, { store: { layout } }) => {
    await makeInstance(layout, 'web');
    const unknown = { code: 'SETTING_UNKNOWN', message: `Unrecognized settings key: '${key}'` };
    expect(() => getSetting(layout, key)).toThrow(expect.objectContaining(unknown));
    await expect(setSetting(layout, key, 'x')).rejects.toMatchObject(unknown);
  });

  test('that every object has are none', ({ store: { layout } }) => {
    for (const key of ['toString', '__proto__', 'local.web.constructor']) {
      expect(() => getSetting(layout, key)).toThrow('Unrecognized settings key');
    }
  });
});
