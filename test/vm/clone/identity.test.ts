import { readFile, stat, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import type { InstanceDir } from '../../../src/store/instance-dir.js';
import { cloneInstance } from '../../../src/vm/clone/clone-instance.js';
import type { CloneReport } from '../../../src/vm/clone/report.js';
import { hasIdentityHook } from '../../../src/vm/seed/identity-hook.js';
import { writeIso } from '../../../src/vm/seed/iso9660-writer.js';
import { readSeed } from '../../../src/vm/seed/seed.js';
import type { InstanceSpec } from '../../../src/vm/records/spec.js';
import type { VirtualMachineStore } from '../../../src/vm/virtual-machine-store.js';
import { handMadeMac, makeInstance, test } from '../../support/store-fixture.js';

type Json = Record<string, unknown>;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const OURS = /^52:54:00(?::[0-9a-f]{2}){3}$/;

/** Bytes that are no text: a gzip'ed user-data. */
const BINARY = Buffer.from([0x1f, 0x8b, 0xff, 0x00, 0x0d, 0x0a, 0xc3, 0x28]);

function richSpec(): Partial<InstanceSpec> {
  return {
    cpus: 3,
    memory: 1_500_000_001,
    disk: 64 * 1024 ** 2,
    sshUser: 'Admin_1',
    sshKey: 'id_rsa-0a1b',
    interfaces: [
      { mac: handMadeMac(), network: null, auto: true },
      { mac: handMadeMac(), network: 'br-eth0', auto: true },
      { mac: handMadeMac(), network: 'en0', auto: false },
    ],
    mounts: [
      {
        source: '/home/talking/skull',
        target: '/home/ubuntu/murray',
        type: 'native',
        uidMappings: [{ host: 1000, guest: -1 }],
        gidMappings: [
          { host: 1000, guest: -1 },
          { host: 20, guest: 0 },
        ],
      },
      { source: '/srv', target: '/srv', type: 'classic', uidMappings: [], gidMappings: [] },
    ],
    snapshotHead: 7,
  };
}

/** Writes keys that this version does not know into every object of a record. */
async function addUnknownKeys(path: string): Promise<void> {
  let count = 0;
  const record = JSON.parse(await readFile(path, 'utf8'), (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? { ...value, [`x-unknown-${(count += 1)}`]: { kept: [count, null] } }
      : value,
  ) as unknown;
  await writeFile(path, JSON.stringify(record));
}

async function readJson(path: string): Promise<Json> {
  return JSON.parse(await readFile(path, 'utf8')) as Json;
}

async function clone(
  store: VirtualMachineStore,
  source: string,
): Promise<[InstanceDir, CloneReport]> {
  const report = await cloneInstance({ layout: store.layout, source, name: 'replica' });
  return [store.layout.instance('replica'), report];
}

describe('the identity of a clone', () => {
  test('differs from its source by uuid, vmgenid and MAC addresses, and keeps the rest', async ({
    store,
  }) => {
    const source = await makeInstance(store.layout, 'web', { spec: richSpec() });
    await addUnknownKeys(source.spec);
    const [copy] = await clone(store, 'web');

    const before = await readJson(source.spec);
    const after = await readJson(copy.spec);
    const macs = (after['interfaces'] as Json[]).map(({ mac }) => mac);
    const interfaces = (before['interfaces'] as Json[]).map((card, at) => ({
      ...card,
      mac: macs[at],
    }));
    const { uuid, vmgenid } = after;
    expect(after).toEqual({ ...before, uuid, vmgenid, interfaces, snapshotHead: 0 });
    expect(JSON.stringify(after).match(/x-unknown/g)).toHaveLength(9);

    expect(uuid).toMatch(UUID);
    expect(vmgenid).toMatch(UUID);
    const old = [before['uuid'], before['vmgenid']];
    expect(new Set([uuid, vmgenid, ...old]).size).toBe(4);
    expect(new Set(macs).size).toBe(3);
    for (const mac of macs) {
      expect(mac).toMatch(OURS);
      expect(await readFile(source.spec, 'utf8')).not.toContain(mac);
    }
  });

  test('has the image of its source, and tells whom it descends from', async ({ store }) => {
    const source = await makeInstance(store.layout, 'web');
    const record = await readJson(source.imageRecord);
    const migratedFrom = {
      name: 'old',
      mac: null,
      disk: { inode: '1', size: '2', mtimeNs: '3' },
      created: '2026-01-02T03:04:05.678Z',
    };
    await writeFile(source.imageRecord, JSON.stringify({ ...record, migratedFrom }));
    await addUnknownKeys(source.imageRecord);
    const start = new Date().toISOString();
    const [copy, report] = await clone(store, 'web');

    const before = await readJson(source.imageRecord);
    const after = await readJson(copy.imageRecord);
    const lineage = after['lineage'] as Json;
    expect(after).toEqual({ ...before, lineage, migratedFrom: null });
    const { uuid: sourceUuid } = await readJson(source.spec);
    const { created } = lineage;
    const { strategy } = report;
    expect(lineage).toEqual({ sourceUuid, sourceName: 'web', snapshot: null, created, strategy });
    expect(created).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect([start, created, new Date().toISOString()].toSorted()[1]).toBe(created);
  });

  test('is new to cloud-init, while the file of the user is the same bytes', async ({ store }) => {
    const spec = richSpec();
    const source = await makeInstance(store.layout, 'web', { spec });
    const before = readSeed(source.seed)!;
    const [copy] = await clone(store, 'web');

    const after = readSeed(copy.seed)!;
    expect(after.map(({ name }) => name)).toEqual(before.map(({ name }) => name));
    const dataOf = (files: typeof after, name: string): Buffer =>
      files.find((file) => file.name === name)!.data;
    expect(dataOf(after, 'user-data').equals(dataOf(before, 'user-data'))).toBe(true);
    expect(dataOf(after, 'vendor-data').toString()).toContain(
      `\n\n${dataOf(before, 'vendor-data').toString()}\n--`,
    );
    const { uuid } = await readJson(copy.spec);
    const metaData = after[0]!.data.toString();
    expect(metaData).toBe(
      `#cloud-config\ninstance-id: ${String(uuid)}\nlocal-hostname: replica\ncloud-name: multipass\n`,
    );
  });

  test('is in no record by its name, which the folder has', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    const [copy] = await clone(store, 'web');
    for (const record of [copy.spec, copy.imageRecord]) {
      expect(await readFile(record, 'utf8')).not.toContain('replica');
    }
  });

  test('is told by the report as the files have it', async ({ store }) => {
    const source = await makeInstance(store.layout, 'web', { spec: richSpec() });
    const [copy, report] = await clone(store, 'web');
    const before = await readJson(source.spec);
    const after = await readJson(copy.spec);
    const [cloned, ...others] = report.clones;
    expect(others).toEqual([]);
    expect(cloned?.name).toBe('replica');
    const macOf = (spec: Json, at: number): unknown => (spec['interfaces'] as Json[])[at]!['mac'];
    expect(cloned?.identity).toEqual({
      macs: ['default', 'extra0', 'extra1'].map((name, at) => ({
        interface: name,
        old: macOf(before, at),
        new: macOf(after, at),
      })),
      uuid: { old: before['uuid'], new: after['uuid'] },
      vmgenid: { old: before['vmgenid'], new: after['vmgenid'] },
      instanceId: { old: 'web', new: after['uuid'] },
      hostname: { old: 'web', new: 'replica' },
    });
    expect(cloned?.unchanged).toEqual([]);
    expect(cloned?.atFirstBoot).toEqual(['machine_id', 'ssh_host_keys']);
    expect(report).toMatchObject({ dryRun: false, source: 'web', snapshot: null, fits: true });
  });

  test('can be read by its owner alone', async ({ store }) => {
    const source = await makeInstance(store.layout, 'web', { tags: 1 });
    expect((await stat(source.disk)).mode & 0o077).not.toBe(0);
    const [copy] = await clone(store, 'web');
    const { path, spec, imageRecord, disk, seed, lock } = copy;
    for (const made of [path, spec, imageRecord, disk, seed, lock]) {
      expect((await stat(made)).mode & 0o077, made).toBe(0);
    }
  });
});

describe('the seed of a clone', () => {
  test('keeps files that are no text, further files, and their order', async ({ store }) => {
    const source = await makeInstance(store.layout, 'web');
    const files = [
      { name: 'user-data', data: BINARY },
      { name: 'meta-data', data: Buffer.from('instance-id: other\n') },
      { name: 'notes', data: BINARY },
      { name: 'vendor-data', data: Buffer.alloc(0) },
    ];
    await writeFile(source.seed, writeIso(files));
    const [copy] = await clone(store, 'web');
    const after = readSeed(copy.seed)!;
    const names = ['user-data', 'meta-data', 'notes', 'vendor-data', 'network-config'];
    expect(after.map(({ name }) => name)).toEqual(names);
    for (const at of [0, 2]) expect(after[at]!.data.equals(files[at]!.data)).toBe(true);
    expect(hasIdentityHook(after[3]!.data)).toBe(true);
  });

  test('is made when the source has none, and the report says so', async ({ store }) => {
    await makeInstance(store.layout, 'web', { seed: null });
    const [copy, report] = await clone(store, 'web');
    const names = readSeed(copy.seed)?.map(({ name }) => name);
    expect(names).toEqual(['meta-data', 'vendor-data', 'user-data', 'network-config']);
    expect(report.clones[0]?.unchanged).toEqual([
      `"${store.layout.instance('web').seed}" is missing: a new seed was made`,
    ]);
    expect(report.clones[0]?.identity.instanceId.old).toBe('');
  });
});

describe('the report of a clone', () => {
  test('promises at the first boot only what the seed arranges', async ({ store }) => {
    const userData = '#cloud-config\nvendor_data: { enabled: false }\nssh_deletekeys: false\n';
    await makeInstance(store.layout, 'web', { seed: { 'user-data': userData } });
    const [, report] = await clone(store, 'web');
    expect(report.clones[0]?.atFirstBoot).toEqual([]);
    expect(report.clones[0]?.unchanged).toEqual([
      'the machine-id stays that of the source: user-data turns vendor_data off',
      'the ssh host keys stay those of the source: user-data sets ssh_deletekeys to false',
    ]);
  });

  test('promises the same of the clone of a clone, whose vendor-data is the same', async ({
    store,
  }) => {
    await makeInstance(store.layout, 'web');
    const [first] = await clone(store, 'web');
    const report = await cloneInstance({ layout: store.layout, source: 'replica', name: 'third' });
    expect(report.clones[0]?.atFirstBoot).toEqual(['machine_id', 'ssh_host_keys']);
    const vendorData = (seed: string): Buffer =>
      readSeed(seed)!.find(({ name }) => name === 'vendor-data')!.data;
    expect(vendorData(store.layout.instance('third').seed)).toEqual(vendorData(first.seed));
  });
});
