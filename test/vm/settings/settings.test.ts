import { writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { readSettings, type Settings } from '../../../src/vm/settings/settings.js';
import type { StoreLayout } from '../../../src/store/layout.js';
import { test } from '../../support/store-fixture.js';

async function settingsOf(
  layout: StoreLayout,
  record: unknown,
  env: Readonly<Record<string, string>> = {},
): Promise<Settings> {
  await writeFile(layout.settingsFile, JSON.stringify(record));
  return readSettings(layout, env);
}

function valuesOf(settings: Settings): unknown {
  const { primaryName, imageMirror, bridgedNetwork, network } = settings;
  const { accelerator, privilegedMounts, hostLoopback } = settings;
  const first = { primaryName, imageMirror, bridgedNetwork, network };
  return { ...first, accelerator, privilegedMounts, hostLoopback };
}

const DEFAULTS = {
  primaryName: 'primary',
  imageMirror: null,
  bridgedNetwork: null,
  network: 'auto',
  accelerator: 'auto',
  privilegedMounts: true,
  hostLoopback: 'auto',
};

describe('the settings', () => {
  test('are the defaults where nothing has been set, or there is no store', async ({
    store,
    root,
  }) => {
    expect(valuesOf(readSettings(store.layout, {}))).toEqual(DEFAULTS);
    expect(valuesOf(await settingsOf(store.layout, {}))).toEqual(DEFAULTS);
    expect(root).toBe(store.layout.root);
  });

  test('are what the file says', async ({ store }) => {
    const settings = await settingsOf(store.layout, {
      'client.primary-name': '',
      'local.image.mirror': 'https://example.org/',
      'local.bridged-network': 'br0',
      'local.network': 'bridge',
      'local.accelerator': 'tcg',
      'local.privileged-mounts': 'false',
      'local.host-loopback': 'false',
      'local.driver': 'qemu',
      'local.unknown': { of: 'a newer version' },
    });
    expect(valuesOf(settings)).toEqual({
      primaryName: '',
      imageMirror: 'https://example.org/',
      bridgedNetwork: 'br0',
      network: 'bridge',
      accelerator: 'tcg',
      privilegedMounts: false,
      hostLoopback: 'false',
    });
  });

  test('give way to the environment', async ({ store }) => {
    const record = { 'local.image.mirror': 'https://a.org/', 'local.accelerator': 'kvm' };
    const env = { MULTIPASS_IMAGE_MIRROR: 'http://127.0.0.1:8080/m', MULTIPASS_ACCELERATOR: 'tcg' };
    const settings = await settingsOf(store.layout, record, env);
    expect(settings.imageMirror).toBe('http://127.0.0.1:8080/m/');
    expect(settings.accelerator).toBe('tcg');
    const empty = { MULTIPASS_IMAGE_MIRROR: '', MULTIPASS_ACCELERATOR: '' };
    const same = await settingsOf(store.layout, record, empty);
    expect([same.imageMirror, same.accelerator]).toEqual(['https://a.org/', 'kvm']);
  });

  test('refuse what the environment has wrong, once it is asked for', ({ store }) => {
    const env = { MULTIPASS_IMAGE_MIRROR: 'http://example.org', MULTIPASS_ACCELERATOR: 'KVM' };
    const settings = readSettings(store.layout, env);
    expect(settings.primaryName).toBe('primary');
    expect(() => settings.imageMirror).toThrow(
      expect.objectContaining({
        code: 'SETTING_INVALID',
        message: expect.stringContaining(
          "Invalid setting 'MULTIPASS_IMAGE_MIRROR=http://example.org': need an https URL",
        ) as string,
      }),
    );
    expect(() => settings.accelerator).toThrow(
      `Invalid setting 'MULTIPASS_ACCELERATOR=KVM': need "auto" or "kvm" or "tcg"`,
    );
  });

  test.for<[unknown, string, string]>([
    [[], '', 'expected an object, found an array'],
    [{ 'client.primary-name': 1 }, '/client.primary-name', 'expected a string, found 1'],
    [{ 'client.primary-name': '../x' }, '/client.primary-name', 'it is no name that an instance'],
    [
      { 'local.network': 'none' },
      '/local.network',
      'need "auto" or "shared" or "user" or "bridge"',
    ],
    [{ 'local.host-loopback': 'no' }, '/local.host-loopback', 'need "auto" or "true" or "false"'],
    [{ 'local.privileged-mounts': 'yes' }, '/local.privileged-mounts', 'need "true" or "false"'],
    [{ 'local.image.mirror': 'https://a.org' }, '/local.image.mirror', 'need an https URL'],
    [{ 'local.passphrase': 'plain' }, '/local.passphrase', 'it is no hash'],
  ])('name the place in the file that is wrong: %j', async ([record, at, problem], { store }) => {
    await expect(settingsOf(store.layout, record)).rejects.toMatchObject({
      code: 'RECORD_INVALID',
      fault: { path: store.layout.settingsFile, at },
      message: expect.stringContaining(problem) as string,
    });
  });

  test('name the file that is no JSON', async ({ store }) => {
    await writeFile(store.layout.settingsFile, '{ "client.');
    expect(() => readSettings(store.layout, {})).toThrow(store.layout.settingsFile);
  });
});
