import { randomUUID } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as base } from 'vitest';
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
import { VirtualMachineStore } from '../../src/vm/virtual-machine-store.js';

/** What an instance made by hand is like. */
export interface HandMade {
  readonly spec?: Partial<InstanceSpec>;
  /** Internal snapshots `@s1` … of the disk, each after 1 MiB was overwritten. Default 0. */
  readonly tags?: number;
  /** Further internal snapshots by these names. */
  readonly otherTags?: readonly string[];
  /** True: the head is a thin layer on `base-image.qcow2`. */
  readonly thin?: boolean;
  /** MiB of data in the disk. Default 2. */
  readonly data?: number;
  /** Files of the seed; null: no seed. Default: as Multipass 1.15 makes it. */
  readonly seed?: Readonly<Record<string, string>> | null;
}

/** Each test has a store of its own, in its own folder, which goes with the test. */
export const test = base.extend<{ root: string; store: VirtualMachineStore }>({
  // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
  root: async ({}, use) => {
    const root = await mkdtemp(join(tmpdir(), 'multipass-ts-'));
    await use(join(root, 'store'));
    await rm(root, { recursive: true, force: true });
  },
  store: async ({ root }, use) => {
    const layout = new StoreLayout(root);
    await initialiseStore(layout);
    await use(new VirtualMachineStore(layout));
  },
});

let nextMac = 1;

/** A MAC that no other instance made by this test file has. */
export function handMadeMac(): MacAddress {
  const tail = (nextMac++).toString(16).padStart(6, '0').match(/../g)!.join(':');
  return MacAddress.parse(`52:54:00:${tail}`);
}

/** Makes a stopped instance with real files, as if it had been launched long ago. */
export async function makeInstance(
  layout: StoreLayout,
  name: string,
  made: HandMade = {},
): Promise<InstanceDir> {
  const dir = layout.instance(name);
  await mkdir(dir.path, { recursive: true });
  const spec = specOf(made.spec);
  await makeDisk(dir, made);
  await writeFile(dir.spec, recordText(spec));
  await writeFile(dir.imageRecord, recordText(IMAGE_RECORD));
  await writeFile(dir.lock, '');
  for (const { mac } of spec.interfaces) {
    const holder = { uuid: spec.uuid, inode: inodeOf(dir.path) };
    await writeFile(layout.macRow(mac.toHex()), rowText(holder));
  }
  const seed = made.seed === undefined ? seedOf(name, spec) : made.seed;
  if (seed !== null) {
    const files = Object.entries(seed).map(([file, text]) => ({
      name: file,
      data: Buffer.from(text),
    }));
    await writeFile(dir.seed, writeIso(files));
  }
  return dir;
}

export function specOf(changes: Partial<InstanceSpec> = {}): InstanceSpec {
  return {
    uuid: randomUUID(),
    vmgenid: randomUUID(),
    cpus: 1,
    memory: 1024 ** 3,
    disk: 64 * 1024 ** 2,
    sshUser: 'ubuntu',
    sshKey: null,
    interfaces: [{ mac: handMadeMac(), network: null, auto: true }],
    mounts: [],
    forwards: [],
    snapshotHead: 0,
    deleted: false,
    autostart: false,
    ...changes,
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

function seedOf(name: string, spec: InstanceSpec): Record<string, string> {
  return {
    'meta-data': `#cloud-config\ninstance-id: ${name}\nlocal-hostname: ${name}\ncloud-name: multipass\n`,
    'vendor-data': '#cloud-config\nssh_authorized_keys:\n  - ssh-rsa AAAA ubuntu@localhost\n',
    'user-data': '#cloud-config\nruncmd: [ "echo hello" ]   # a comment of the user\n',
    'network-config': newNetworkConfig(spec.interfaces),
  };
}

async function makeDisk(dir: InstanceDir, made: HandMade): Promise<void> {
  const { data = 2, tags = 0, otherTags = [], thin = false } = made;
  const size = '64M';
  const layer = ['create', '-q', '-f', 'qcow2'];
  if (thin) {
    const image = dir.file('base-image.qcow2');
    await run('qemu-img', [...layer, image, size]);
    await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 0x77 32M 2M', image]);
    await run('qemu-img', [...layer, '-F', 'qcow2', '-b', 'base-image.qcow2', dir.disk, size], {
      cwd: dir.path,
    });
    await chmod(image, 0o444);
  } else {
    await run('qemu-img', [...layer, dir.disk, size]);
  }
  const write = (pattern: number, mebibytes: number): Promise<unknown> =>
    run('qemu-io', ['-f', 'qcow2', '-c', `write -P ${pattern} 0 ${mebibytes}M`, dir.disk]);
  if (data > 0) await write(1, data);
  for (let tag = 1; tag <= tags; tag += 1) {
    await run('qemu-img', ['snapshot', '-c', `@s${tag}`, dir.disk]);
    await write(1 + (tag % 200), 1);
  }
  for (const tag of otherTags) await run('qemu-img', ['snapshot', '-c', tag, dir.disk]);
}
