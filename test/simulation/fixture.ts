import { mkdtemp, rm } from 'node:fs/promises';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MacAddress } from '../../src/net/mac-address.js';
import { run } from '../../src/process/run.js';
import { initialiseStore } from '../../src/store/format.js';
import { StoreLayout } from '../../src/store/layout.js';
import { inodeOf } from '../../src/store/mac-table.js';
import { VirtualMachineStore } from '../../src/vm/virtual-machine-store.js';
import { makeInstance } from '../support/store-fixture.js';
import { Descriptors } from './model/inode.js';
import type { World } from './world/scheduler.js';

/** Where the store is on the simulated machine. */
export const ROOT = '/sim/store';

/** A file or folder of the store that every story begins with, by its path in it. */
interface Item {
  readonly path: string;
  readonly mode: number;
  /** undefined: a folder. */
  readonly data: Buffer | undefined;
}

/** A store with two instances, as real programs have made it. */
export interface FirstStore {
  readonly items: readonly Item[];
  /** Folders of instances by the inode that a row of the MAC table has for them. */
  readonly folders: ReadonlyMap<string, string>;
}

/**
 * `web` stands alone, and has gone on since its snapshot `first`; `db` is an empty layer on a base.
 */
export async function makeFirstStore(): Promise<FirstStore> {
  const scratch = await mkdtemp(join(tmpdir(), 'multipass-ts-simulated-'));
  try {
    const layout = new StoreLayout(join(scratch, 'store'));
    await initialiseStore(layout);
    const store = new VirtualMachineStore(layout);
    for (const [name, digit] of [
      ['web', 1],
      ['db', 2],
    ] as const) {
      const uuid = `${String(digit).repeat(8)}-0000-4000-a000-000000000000`;
      const mac = MacAddress.parse(`52:54:00:00:00:0${digit}`);
      const vmgenid = uuid.replace('4000', '4001');
      const dir = await makeInstance(layout, name, {
        data: 0,
        spec: { uuid, vmgenid, interfaces: [{ mac, network: null, auto: true }] },
      });
      const top = digit === 2 ? dir.file('base-image.qcow2') : dir.disk;
      await rm(dir.disk);
      const cluster = ['-o', 'cluster_size=4096'];
      await run('qemu-img', ['create', '-q', '-f', 'qcow2', ...cluster, top, '64M']);
      await write(top, digit * 16);
      if (digit === 2) {
        await run('chmod', ['0444', top]);
        const backing = ['-F', 'qcow2', '-b', 'base-image.qcow2'];
        const create = ['create', '-q', '-f', 'qcow2', ...cluster, ...backing, dir.disk];
        await run('qemu-img', create, { cwd: dir.path });
      }
    }
    const web = await store.get('web');
    await web.snapshot({ name: 'first' });
    await write(layout.instance('web').disk, 0x11);
    const folders = ['web', 'db'].map(
      (name) => [inodeOf(layout.instance(name).path) ?? '', name] as const,
    );
    return { items: itemsOf(layout.root), folders: new Map(folders) };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function write(disk: string, pattern: number): Promise<void> {
  await run('qemu-io', ['-f', 'qcow2', '-c', `write -P ${pattern} 0 4k`, disk]);
}

function itemsOf(root: string, path = ''): Item[] {
  return readdirSync(join(root, path)).flatMap((name) => {
    const inside = join(path, name);
    const stats = lstatSync(join(root, inside));
    const mode = stats.mode & 0o7777;
    if (stats.isFile()) return [{ path: inside, mode, data: readFileSync(join(root, inside)) }];
    return [{ path: inside, mode, data: undefined }, ...itemsOf(root, inside)];
  });
}

/** Puts it on the disk of a simulated machine. */
export function install({ items, folders }: FirstStore, { files, journal }: World): void {
  const descriptors = new Descriptors();
  files.mkdir('/sim', 0o755);
  files.mkdir(ROOT, 0o700);
  const put = ({ path, mode, data }: Item): void => {
    const place = join(ROOT, path);
    if (data === undefined) files.mkdir(place, mode);
    else {
      const fd = files.open(descriptors, place, { flags: 0o101, mode });
      const file = descriptors.get(fd);
      if (file !== undefined) files.write(file, data, null);
      descriptors.close(fd);
    }
    files.chmod(files.stat(place, { follow: false, syscall: 'stat' }), mode);
  };
  const isRow = ({ path, data }: Item): boolean => path.startsWith('macs/') && data !== undefined;
  for (const item of items) if (!isRow(item)) put(item);
  for (const item of items.filter(isRow)) {
    const [uuid = '', inode = ''] = String(item.data).split('\n');
    const folder = join(ROOT, 'instances', folders.get(inode) ?? '');
    const { ino } = files.stat(folder, { follow: false, syscall: 'stat' });
    put({ ...item, data: Buffer.from(`${uuid}\n${ino}\n`) });
  }
  journal.settle();
}
