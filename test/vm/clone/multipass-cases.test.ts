import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { readQcow2 } from '../../../src/qemu/qcow2-header.js';
import { cloneInstance } from '../../../src/vm/clone/clone-instance.js';
import { readSeed } from '../../../src/vm/seed/seed.js';
import { openStore, type VirtualMachineStore } from '../../../src/vm/virtual-machine-store.js';
import { handMadeMac, makeInstance, test } from '../../support/store-fixture.js';
import { expectRefusal } from '../../support/refusal.js';
import { snapshotRecord, writeSnapshot } from '../../support/snapshot-record.js';
import { pretendToRun } from '../../support/pretend-to-run.js';

const BOTH_AUTOMATIC = () =>
  [
    { mac: handMadeMac(), network: null, auto: true },
    { mac: handMadeMac(), network: 'br-eth0', auto: true },
  ] as const;

function seedTexts(store: VirtualMachineStore, name: string): Record<string, string> {
  const files = readSeed(store.layout.instance(name).seed) ?? [];
  return Object.fromEntries(files.map((file) => [file.name, file.data.toString()]));
}

/** Multipass's own tests of its clone (multipass-facts 2.5), one by one, in our terms. */
describe('what Multipass tests of its daemon', () => {
  test('refuses a source that does not exist', async ({ store }) => {
    const { layout } = store;
    const clone = (): Promise<unknown> => cloneInstance({ layout, source: 'non-exist-instance' });
    const error = await expectRefusal(store, clone, 'INSTANCE_NOT_FOUND');
    expect(error.message).toBe('instance "non-exist-instance" does not exist');
  });

  test('refuses an invalid destination name', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    const error = await expectRefusal(store, () => vm.clone('5invalid_vm_name'), 'INVALID_NAME');
    expect(error.message).toBe('Invalid destination instance name: 5invalid_vm_name');
  });

  test('refuses the name of the source itself', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    const error = await expectRefusal(store, () => vm.clone('web'), 'NAME_TAKEN');
    expect(error.message).toBe('instance "web" already exists');
  });

  test('makes a name for the clone of an instance with an extra interface', async ({ store }) => {
    const interfaces = BOTH_AUTOMATIC();
    await makeInstance(store.layout, 'web', { spec: { interfaces } });
    const copy = await (await store.get('web')).clone();
    expect(copy.name).toBe('web-clone1');
    expect(copy.state).toBe('Stopped');
    expect(copy.spec.interfaces.map(({ network }) => network)).toEqual([null, 'br-eth0']);
  });

  test('takes a given name', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    const copy = await (await store.get('web')).clone('valid-dest-instance-name');
    expect(copy.name).toBe('valid-dest-instance-name');
    const listed = await store.list();
    expect(listed.map(({ name }) => name)).toEqual(['valid-dest-instance-name', 'web']);
  });

  test('refuses an instance that runs', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web');
    await pretendToRun(dir);
    const vm = await store.get('web');
    const error = await expectRefusal(store, () => vm.clone(), 'INSTANCE_NOT_STOPPED');
    expect(error.message).toBe('Multipass can only clone stopped instances.');
  });

  test('undoes everything when a late step fails', async ({ store }) => {
    const seed = { 'meta-data': '#cloud-config\ninstance-id: web\n', 'network-config': '{ broken' };
    await makeInstance(store.layout, 'web', { seed });
    const vm = await store.get('web');
    const error = await expectRefusal(store, () => vm.clone('web-2'), 'SEED_INVALID');
    expect(error.message).toContain('cloud-init-config.iso:network-config');
  });
});

describe('what Multipass tests of its image vault', () => {
  test('gives the clone an image record', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    const copy = await vm.clone();
    expect({ ...copy.image, lineage: null }).toEqual(vm.image);
    expect(copy.image.lineage?.sourceName).toBe('web');
  });

  test('works where the path of the store looks like that of an instance', async ({ root }) => {
    const store = openStore(join(root, 'instances', 'web-data', 'store'));
    await mkdir(store.layout.macs, { recursive: true });
    await makeInstance(store.layout, 'web');
    await expect(store.get('web')).rejects.toMatchObject({ code: 'INSTANCE_NOT_FOUND' });
    await writeFile(store.layout.formatFile, '{ "format": 1 }\n');
    const copy = await (await store.get('web')).clone();
    expect(copy.name).toBe('web-clone1');
  });

  test('refuses a source without an image record', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    await rm(dir.imageRecord);
    const error = await expectRefusal(store, () => vm.clone(), 'INSTANCE_BROKEN');
    expect(error.message).toBe(`"${dir.imageRecord}" is missing`);
  });

  test('refuses a name of which there is an image record alone', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    const orphan = store.layout.instance('web-2');
    await mkdir(orphan.path);
    await writeFile(orphan.imageRecord, '{}');
    const vm = await store.get('web');
    await expectRefusal(store, () => vm.clone('web-2'), 'NAME_TAKEN');
  });
});

describe('what Multipass tests of the seed, the folder and the disk', () => {
  test('renames the machine and replaces both MAC addresses in the seed', async ({ store }) => {
    const interfaces = BOTH_AUTOMATIC();
    const [first, second] = interfaces.map(({ mac }) => mac.toString());
    const ethernets = `ethernets:
  eth0: { match: { macaddress: "${first}" }, dhcp4: true }
  eth1: { match: { macaddress: "${second}" }, dhcp4: true }
`;
    const seed = {
      'meta-data': '#cloud-config\ninstance-id: vm1_e_e\nlocal-hostname: vm1\n',
      'network-config': `#cloud-config\nversion: 2\n${ethernets}`,
    };
    await makeInstance(store.layout, 'vm1', { spec: { interfaces }, seed });
    const copy = await (await store.get('vm1')).clone();
    const texts = seedTexts(store, copy.name);
    expect(texts['meta-data']).toBe(
      `#cloud-config\ninstance-id: ${copy.spec.uuid}\nlocal-hostname: vm1-clone1\n`,
    );
    expect(texts['network-config']).not.toContain(first);
    expect(texts['network-config']).not.toContain(second);
    for (const { mac } of copy.spec.interfaces) {
      expect(texts['network-config']).toContain(`macaddress: "${mac.toString()}"`);
    }
  });

  test('copies disks by whatever name, and no snapshot record', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web');
    const names = ['old.img', 'data.qcow2', 'second.iso', 'disk.raw', 'no-extension'];
    for (const name of names) await writeFile(dir.file(name), `content of ${name}`);
    await writeSnapshot(dir, snapshotRecord(1));
    await writeFile(dir.file('snapshots/left'), '');
    const copy = await (await store.get('web')).clone();
    const made = await readdir(store.layout.instance(copy.name).path);
    const own = ['spec.json', 'image-record.json', 'disk.qcow2', 'cloud-init-config.iso', 'lock'];
    expect(made.sort()).toEqual([...own, ...names].sort());
    expect(copy.snapshots()).toEqual([]);
  });

  test('leaves no internal snapshot in the disk', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web', { otherTags: ['@s2', '@s3', 'foreign'] });
    const copy = await (await store.get('web')).clone();
    expect(readQcow2(dir.disk).snapshots.map(({ name }) => name)).toEqual([
      '@s2',
      '@s3',
      'foreign',
    ]);
    expect(readQcow2(store.layout.instance(copy.name).disk).snapshots).toEqual([]);
  });

  test('changes MAC addresses where they are identifiers, and nowhere else', async ({ store }) => {
    const mac = handMadeMac();
    const script = `#!/bin/sh\n# don't change web, nor ${mac.toString()}\n`;
    const seed = { 'meta-data': '{}', 'user-data': script, 'vendor-data': script };
    const interfaces = [{ mac, network: null, auto: true }] as const;
    await makeInstance(store.layout, 'web', { spec: { interfaces }, seed });
    const copy = await (await store.get('web')).clone();
    const texts = seedTexts(store, copy.name);
    expect(texts['user-data']).toBe(script);
    expect(texts['vendor-data']).toContain(`\n\n${script}\n--multipass-part-0\n`);
    expect(texts['vendor-data']).not.toContain(copy.spec.interfaces[0].mac.toString());
    expect(texts['network-config']).toContain(copy.spec.interfaces[0].mac.toString());
    expect(texts['network-config']).not.toContain(mac.toString());
  });
});
