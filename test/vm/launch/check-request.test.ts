import { describe, expect } from 'vitest';
import { MacAddress } from '../../../src/net/mac-address.js';
import { StagedInstance } from '../../../src/store/staging.js';
import { checkLaunch, diskSize } from '../../../src/vm/launch/check-request.js';
import type { FullLaunchRequest } from '../../../src/vm/launch/with-defaults.js';
import { Settings } from '../../../src/vm/settings/settings.js';
import { makeInstance, test as base } from '../../support/store-fixture.js';

type Check = (request: Partial<FullLaunchRequest>, network?: 'user' | 'bridge') => Promise<void>;

const test = base.extend<{ check: Check }>({
  check: async ({ store }, use) => {
    await use(async (request, network = 'user') => {
      const settings = new Settings(
        { known: { 'local.network': network }, unknown: {} } as never,
        {},
      );
      await checkLaunch({ layout: store.layout, ...USUAL, ...request }, settings);
    });
  },
});

const MIB = 1024 ** 2;
const USUAL = { cpus: 1, memory: 1024 * MIB, image: 'default', usualDisk: 5 * 1024 * MIB };

describe('checkLaunch', () => {
  test('lets the usual pass, and the least', async ({ check }) => {
    await check({});
    await check({ name: 'web', cpus: 1, memory: 128 * MIB, disk: 512 * MIB });
  });

  test.for<[Partial<FullLaunchRequest>, string]>([
    [{ memory: 128 * MIB - 1 }, `Invalid memory size value supplied: ${128 * MIB - 1}.`],
    [{ disk: 512 * MIB - 1 }, `Invalid disk size value supplied: ${512 * MIB - 1}.`],
    [{ cpus: 0 }, 'Invalid CPU count supplied: 0.'],
    [{ cpus: 1.5 }, 'Invalid CPU count supplied: 1.5.'],
    [{ name: '-x' }, 'Invalid instance name supplied: -x'],
    [{ name: '../x' }, 'Invalid instance name supplied: ../x'],
  ])('refuses %o', async ([request, problem], { check }) => {
    await expect(check(request)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'Invalid arguments supplied',
      details: { lines: [problem] },
    });
  });

  test('warns of a key that is there twice, and refuses what cloud-init could not read', async ({
    check,
  }) => {
    const warnings: string[] = [];
    const work = { onWarning: (warning: string) => void warnings.push(warning) };
    await check({ userData: Buffer.from('a: 1\na: 2\n'), userDataFrom: 'x.yaml', work });
    expect(warnings).toEqual([
      'the key "a" in "x.yaml" is there again at line 2, column 1: the last one counts',
    ]);
    await expect(check({ userData: Buffer.from('a: {{ b }}\n') })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('cannot read "user-data": ') as string,
    });
  });

  test('tells all that is wrong at once', async ({ check }) => {
    await expect(check({ memory: 1, disk: 2 })).rejects.toMatchObject({
      message: 'Invalid arguments supplied',
      details: {
        lines: ['Invalid memory size value supplied: 1.', 'Invalid disk size value supplied: 2.'],
      },
    });
  });

  test('refuses a name that is taken, or is about to be', async ({ check, store: { layout } }) => {
    await makeInstance(layout, 'web');
    await expect(check({ name: 'web' })).rejects.toMatchObject({
      code: 'NAME_TAKEN',
      message: 'instance "web" already exists',
    });
    const staged = await StagedInstance.create(layout, 'some-uuid', 'shop');
    await expect(check({ name: 'shop' })).rejects.toMatchObject({ code: 'NAME_IN_PREPARATION' });
    await staged.discard();
    await check({ name: 'shop' });
  });
});

describe('networks', () => {
  const mac = MacAddress.parse('52:54:00:12:34:56');

  test('need bridge mode', async ({ check }) => {
    const networks = [{ name: 'br0', auto: true, mac: null }];
    await expect(check({ networks })).rejects.toMatchObject({ code: 'NETWORK_UNAVAILABLE' });
    await check({ networks: [] });
  });

  test('must each have a MAC address of their own', async ({ check }) => {
    const networks = [
      { name: 'br0', auto: true, mac },
      { name: 'br1', auto: true, mac: MacAddress.parse('52:54:00:12:34:56'.toUpperCase()) },
    ];
    await expect(check({ networks }, 'bridge')).rejects.toMatchObject({
      code: 'MAC_TAKEN',
      message: 'Repeated MAC address 52:54:00:12:34:56',
    });
  });

  test('must be there, as bridges', async ({ check }) => {
    const networks = [{ name: 'no-such-bridge', auto: true, mac }];
    await expect(check({ networks }, 'bridge')).rejects.toMatchObject({
      code: 'NETWORK_NOT_FOUND',
      message: 'the network "no-such-bridge" does not exist',
    });
  });
});

describe('diskSize', () => {
  const { usualDisk } = USUAL;
  const sizeOf = (disk: number | undefined, imageSize: number): number =>
    diskSize({ disk, usualDisk }, imageSize);

  test('is what was asked for, or what is usual, or what the image wants', () => {
    expect(sizeOf(undefined, 1)).toBe(usualDisk);
    expect(sizeOf(undefined, usualDisk + 512)).toBe(usualDisk + 512);
    expect(sizeOf(2 * usualDisk, 1)).toBe(2 * usualDisk);
    expect(sizeOf(4096, 4096)).toBe(4096);
  });

  test('is in whole sectors', () => {
    expect(sizeOf(1395864371, 1)).toBe(1395864576);
    expect(sizeOf(usualDisk + 1, 1)).toBe(usualDisk + 512);
    expect(sizeOf(usualDisk, 1)).toBe(usualDisk);
  });

  test('is no less than the image', () => {
    expect(() => sizeOf(4095, 4096)).toThrow(
      'Requested disk (4095 bytes) below minimum for this image (4096 bytes)',
    );
  });
});
