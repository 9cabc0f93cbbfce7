import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../src/process/run.js';
import { MacAddress } from '../../src/net/mac-address.js';
import { newNetworkConfig } from '../../src/net/network-config.js';
import { initialiseStore } from '../../src/store/format.js';
import type { InstanceDir } from '../../src/store/instance-dir.js';
import { StoreLayout } from '../../src/store/layout.js';
import { inodeOf, rowText } from '../../src/store/mac-table.js';
import { recordText } from '../../src/files/record.js';
import { writeIso } from '../../src/vm/seed/iso9660-writer.js';
import type { ImageRecord } from '../../src/vm/records/image-record.js';
import type { InstanceSpec } from '../../src/vm/records/spec.js';

/** The sizes that crowded stores are made in. */
export const CROWDS = [10, 1_000, 10_000] as const;
export type Crowd = (typeof CROWDS)[number];

/** An empty store in a folder. */
export async function makeStore(root: string): Promise<StoreLayout> {
  const layout = new StoreLayout(root);
  await initialiseStore(layout);
  return layout;
}

/** The name of an instance of a crowded store, counted from 0. */
export function nameOf(index: number): string {
  return `instance-${String(index).padStart(5, '0')}`;
}

/** A store of many small stopped instances, each with files of its own. */
export async function makeCrowdedStore(root: string, count: number): Promise<StoreLayout> {
  const layout = await makeStore(root);
  const disk = await smallDisk(root);
  for (let index = 0; index < count; index += 1) {
    const dir = addInstance(layout, nameOf(index), index);
    writeFileSync(dir.disk, disk, { mode: 0o600 });
  }
  await run('sync', ['--file-system', root]);
  return layout;
}

/** Makes the folder of a stopped instance, all but its disk. `index` tells it from the others of the store. */
export function addInstance(layout: StoreLayout, name: string, index: number): InstanceDir {
  const dir = layout.instance(name);
  const spec = specOf(index);
  const { mac } = spec.interfaces[0];
  mkdirSync(dir.path, { mode: 0o700 });
  writeFileSync(dir.spec, recordText(spec), { mode: 0o600 });
  writeFileSync(dir.imageRecord, recordText(IMAGE_RECORD), { mode: 0o600 });
  writeFileSync(dir.seed, seedOf(name, spec), { mode: 0o600 });
  writeFileSync(dir.lock, '', { mode: 0o600 });
  const row = rowText({ uuid: spec.uuid, inode: inodeOf(dir.path) });
  writeFileSync(layout.macRow(mac.toHex()), row, { mode: 0o600 });
  return dir;
}

function specOf(index: number): InstanceSpec {
  const tail = index.toString(16).padStart(6, '0').match(/../g)!.join(':');
  return {
    uuid: randomUUID(),
    vmgenid: randomUUID(),
    cpus: 1,
    memory: 1024 ** 3,
    disk: 5 * 1024 ** 3,
    sshUser: 'ubuntu',
    sshKey: null,
    interfaces: [{ mac: MacAddress.parse(`52:54:00:${tail}`), network: null, auto: true }],
    mounts: [],
    snapshotHead: 0,
    deleted: false,
    forwards: [],
    autostart: false,
  };
}

const IMAGE_RECORD: ImageRecord = {
  id: 'c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00',
  release: '24.04 LTS',
  os: 'Ubuntu',
  version: '20260518',
  query: { release: '24.04', remote: '', type: 'alias' },
  lineage: null,
  migratedFrom: null,
};

function seedOf(name: string, spec: InstanceSpec): Buffer {
  const files = {
    'meta-data': `#cloud-config\ninstance-id: ${name}\nlocal-hostname: ${name}\ncloud-name: multipass\n`,
    'vendor-data': '#cloud-config\nssh_authorized_keys:\n  - ssh-rsa AAAA ubuntu@localhost\n',
    'user-data': '#cloud-config\n{}\n',
    'network-config': newNetworkConfig(spec.interfaces),
  };
  return writeIso(
    Object.entries(files).map(([file, text]) => ({ name: file, data: Buffer.from(text) })),
  );
}

/** As small as a whole qcow2 image gets: small clusters, no data. */
async function smallDisk(root: string): Promise<Buffer> {
  const folder = await mkdtemp(join(root, 'template-'));
  try {
    const path = join(folder, 'disk.qcow2');
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', 'cluster_size=4k', path, '1G']);
    return await readFile(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
