import { readdir, readFile, stat } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { MacAddress } from '../../../src/net/mac-address.js';
import type { StoreLayout } from '../../../src/store/layout.js';
import { instanceEntryNames } from '../../../src/store/listing.js';
import { readSeed } from '../../../src/vm/seed/seed.js';
import { storePublicKey } from '../../../src/vm/guest/store-key.js';
import type { ObtainedImage } from '../../../src/vm/images/obtain-image.js';
import { createInstance } from '../../../src/vm/launch/create-instance.js';
import type { FullLaunchRequest } from '../../../src/vm/launch/with-defaults.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { expectSoundStore } from '../../support/sound-store.js';
import { test as imageTest } from '../../support/image-fixture.js';

type Create = (request?: Partial<FullLaunchRequest>) => Promise<string>;

const test = imageTest.extend<{ image: ObtainedImage; create: Create }>({
  image: async ({ obtain, disk }, use) => use(await obtain(`file://${disk}`)),
  create: async ({ layout, image }, use) =>
    use((request) => createInstance({ layout, ...USUAL, ...request }, image)),
});

const GIB = 1024 ** 3;
const USUAL = { cpus: 1, memory: GIB, image: 'default', usualDisk: 5 * GIB };

function seedOf(layout: StoreLayout, name: string): Record<string, string> {
  const files = readSeed(layout.instance(name).seed) ?? [];
  return Object.fromEntries(files.map((file) => [file.name, file.data.toString('utf8')]));
}

describe('createInstance', () => {
  test('makes a stopped instance: a thin head on a link to the image', async ({
    create,
    image,
    layout,
  }) => {
    // In whole sectors, for others cannot be had.
    const size = { cpus: 2, memory: GIB, disk: 6 * GIB - 1 };
    expect(await create({ name: 'web', ...size })).toBe('web');
    const { spec, disk, state, dir, image: record } = readInstance(layout, 'web');
    expect(state).toBe('Stopped');
    expect(spec).toMatchObject({
      cpus: 2,
      memory: GIB,
      disk: 6 * GIB,
      sshUser: 'ubuntu',
      sshKey: 'id_ed25519',
      mounts: [],
      snapshotHead: 0,
      deleted: false,
      interfaces: [{ network: null, auto: true }],
    });
    expect(record).toEqual(image.record);
    expect(disk).toMatchObject({
      virtualSize: 6 * GIB,
      backingFile: `base-${image.id}.qcow2`,
    });
    const [base, original] = [await stat(dir.base(image.id)), await stat(image.dir.disk)];
    expect(base.ino).toBe(original.ino);
    expect((await stat(dir.disk)).mode & 0o777).toBe(0o600);
    expect((await stat(dir.disk)).size).toBeLessThan(1024 ** 2);
    expect(await expectSoundStore(layout)).toEqual(['web']);
  });

  test('leaves nothing when what is to be done before it is visible fails', async ({
    create,
    layout,
  }) => {
    const seen: string[] = [];
    const beforePublish = (uuid: string): Promise<void> => {
      seen.push(uuid, ...instanceEntryNames(layout));
      return Promise.reject(new Error('no'));
    };
    await expect(create({ name: 'web', beforePublish })).rejects.toThrow('no');
    expect(seen).toHaveLength(1);
    expect(await expectSoundStore(layout)).toEqual([]);
  });

  test('writes a seed of its own', async ({ create, layout }) => {
    await create({ name: 'web', userData: Buffer.from('#cloud-config\npackages: [ jq ]\n') });
    const { spec } = readInstance(layout, 'web');
    const seed = seedOf(layout, 'web');
    expect(seed['meta-data']).toContain(`instance-id: ${spec.uuid}`);
    expect(seed['meta-data']).toContain('local-hostname: web');
    expect(seed['network-config']).toContain(spec.interfaces[0].mac.toString());
    expect(seed['user-data']).toContain('jq');
    const [, key = ''] = (await storePublicKey(layout)).split(' ');
    expect(seed['vendor-data']).toContain(key);
  });

  test('gives every interface a MAC address, that of the user where there is one', async ({
    create,
    layout,
  }) => {
    const mac = MacAddress.parse('52:54:00:aa:bb:cc');
    const networks = [
      { name: 'br0', auto: false, mac },
      { name: 'br1', auto: true, mac: null },
    ];
    await create({ name: 'web', networks });
    const { interfaces } = readInstance(layout, 'web').spec;
    expect(interfaces).toMatchObject([
      { network: null, auto: true },
      { network: 'br0', auto: false },
      { network: 'br1', auto: true },
    ]);
    expect(interfaces[1]!.mac.toString()).toBe('52:54:00:aa:bb:cc');
    await expectSoundStore(layout);
    await expect(create({ name: 'other', networks })).rejects.toMatchObject({
      code: 'MAC_TAKEN',
      message: 'Repeated MAC address 52:54:00:aa:bb:cc',
    });
    expect(await expectSoundStore(layout)).toEqual(['web']);
  });

  test('makes names for those that are given none, each its own', async ({ create, layout }) => {
    const names = await Promise.all([create(), create(), create()]);
    expect(new Set(names).size).toBe(3);
    for (const name of names) {
      expect(name).toMatch(/^[a-z]+-[a-z]+$/);
      expect(seedOf(layout, name)['meta-data']).toContain(`local-hostname: ${name}`);
    }
    expect(await expectSoundStore(layout)).toEqual(names.toSorted());
  });

  test('lets one of two have a name', async ({ create, layout }) => {
    const outcomes = await Promise.allSettled([create({ name: 'web' }), create({ name: 'web' })]);
    const failed = outcomes.filter(({ status }) => status === 'rejected');
    expect(failed).toMatchObject([{ reason: { code: 'NAME_TAKEN' } }]);
    expect(await expectSoundStore(layout)).toEqual(['web']);
  });
});

describe('what fails', () => {
  test.for<[string, Partial<FullLaunchRequest>, string]>([
    ['user-data that is none', { userData: Buffer.from('packages: [') }, 'INVALID_ARGUMENT'],
    ['a disk that is too small', { disk: 1024 }, 'INVALID_ARGUMENT'],
    ['an interruption', { work: { signal: AbortSignal.abort() } }, 'ABORTED'],
  ])('leaves nothing behind: %s', async ([, request, code], { create, layout }) => {
    await expect(create({ name: 'web', ...request })).rejects.toMatchObject({ code });
    expect(await expectSoundStore(layout)).toEqual([]);
    expect(await readdir(layout.macs)).toEqual([]);
  });

  test('keeps the image, with nobody but the store behind it', async ({ create, image }) => {
    await expect(create({ name: 'web', disk: 1024 })).rejects.toThrow();
    expect((await stat(image.dir.disk)).nlink).toBe(1);
    expect(await readFile(image.dir.disk)).toHaveLength((await stat(image.dir.disk)).size);
  });
});
