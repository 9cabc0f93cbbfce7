import {
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import { readQcow2 } from '../../../src/qemu/qcow2-header.js';
import { sha256Of } from '../../support/image-server.js';
import {
  bootable,
  errorOf,
  expectNothingLeft,
  expectSameContent,
  processTest,
  test,
} from '../../support/image-fixture.js';

async function convert(raw: string, target: string, format: string, options = ''): Promise<string> {
  const extra = options === '' ? [] : ['-o', options];
  await run('qemu-img', ['convert', '-f', 'raw', '-O', format, ...extra, raw, target]);
  return target;
}

describe('obtainImage of a file', () => {
  test('copies it and leaves it alone', async ({ obtain, layout, disk, raw }) => {
    await chmod(disk, 0o640);
    const before = [sha256Of(disk), await stat(disk)] as const;
    const image = await obtain(disk);
    expect(image.id).toBe(sha256Of(disk));
    expect(image.record).toMatchObject({
      id: image.id,
      release: '',
      os: '',
      version: '',
      lineage: null,
      query: { release: `file://${disk}`, remote: '', type: 'file' },
    });
    expect((await stat(image.dir.disk)).mode & 0o777).toBe(0o444);
    await expectSameContent(image.dir.disk, raw);
    expect(sha256Of(disk)).toBe(before[0]);
    const { mode, nlink, ino, mtimeMs } = await stat(disk);
    expect({ mode, nlink, ino, mtimeMs }).toEqual({
      mode: before[1].mode,
      nlink: 1,
      ino: before[1].ino,
      mtimeMs: before[1].mtimeMs,
    });
    await expectNothingLeft(layout);
  });

  for (const name of [
    'with space.img',
    'a,b.img',
    `it's "quoted".img`,
    'übergröße-Ω.img',
    '100%25.img',
    'a#b?c.img',
    '-f.img',
    'x:y.img',
  ]) {
    test(`takes a file called ${name}`, async ({ obtain, outside, disk, raw }) => {
      const path = join(outside, name);
      await copyFile(disk, path);
      await expectSameContent((await obtain(path)).dir.disk, raw);
      expect((await obtain(`file://${path}`)).record.query.release).toBe(`file://${path}`);
      await obtain(relative(process.cwd(), path));
    });
  }

  test('takes a file URL with escapes, and a link', async ({ obtain, outside, disk }) => {
    await copyFile(disk, join(outside, 'my disk.img'));
    await symlink(join(outside, 'my disk.img'), join(outside, 'link.img'));
    const { id } = await obtain(`file://${outside}/my%20disk.img`);
    expect((await obtain(join(outside, 'link.img'))).id).toBe(id);
  });

  for (const [format, options] of [
    ['vmdk', ''],
    ['vmdk', 'subformat=streamOptimized'],
    ['vdi', ''],
    ['vhdx', ''],
    ['vpc', ''],
    ['vpc', 'subformat=fixed'],
  ] as const) {
    test(`converts ${format} ${options}`, async ({ obtain, outside, raw }) => {
      const path = await convert(raw, join(outside, 'other.img'), format, options);
      const { dir, virtualSize } = await obtain(path);
      // QEMU rounds a vpc image up to whole cylinders.
      expect(virtualSize).toBeGreaterThanOrEqual(8 * 1024 * 1024);
      expect(readQcow2(dir.disk)).toMatchObject({ version: 3, backingFile: null, snapshots: [] });
      await expectSameContent(dir.disk, raw);
    });
  }

  test('converts a raw disk, and keeps its holes', async ({ obtain, raw }) => {
    const { dir, virtualSize } = await obtain(raw);
    expect(virtualSize).toBe(8 * 1024 * 1024);
    await expectSameContent(dir.disk, raw);
    expect((await stat(dir.disk)).size).toBeLessThan(4 * 1024 * 1024);
  });

  test('takes for raw what it is told to, packed or not, as another image', async ({
    obtain,
    outside,
    disk,
    raw,
  }) => {
    const plain = join(outside, 'no signature');
    await writeFile(plain, Buffer.alloc(1024 ** 2, 'boots by itself '));
    const { dir, isNew } = await obtain(plain, { as: 'raw' });
    expect(isNew).toBe(true);
    await expectSameContent(dir.disk, plain);
    await run('xz', ['-0', '--keep', plain]);
    await expectSameContent((await obtain(`${plain}.xz`, { as: 'raw' })).dir.disk, plain);
    // A raw disk into whose first bytes its guest wrote what it liked.
    const images = [await obtain(disk), await obtain(disk, { as: 'raw' }), await obtain(disk)];
    expect(images.map((image) => image.isNew)).toEqual([true, true, false]);
    expect(images[1]!.id).not.toBe(images[0]!.id);
    await expectSameContent(images[0]!.dir.disk, raw);
    await expectSameContent(images[1]!.dir.disk, disk);
  });

  for (const format of ['qcow2', 'raw']) {
    test(`unpacks a ${format} disk that is packed with xz`, async ({
      obtain,
      outside,
      raw,
      layout,
    }) => {
      const path = await convert(raw, join(outside, 'packed disk'), format);
      await run('xz', ['-0', '--keep', '--', path]);
      const phases = new Set<string>();
      const image = await obtain(`${path}.xz`, { onProgress: ({ phase }) => phases.add(phase) });
      expect(image.id).toBe(sha256Of(`${path}.xz`));
      expect(phases).toContain('extracting');
      await expectSameContent(image.dir.disk, raw);
      expect((await readdir(image.dir.path)).sort()).toEqual(['disk.qcow2', 'image-record.json']);
      await expectNothingLeft(layout);
    });
  }

  test('makes version 3 of version 2, and leaves snapshots behind', async ({
    obtain,
    outside,
    raw,
  }) => {
    const old = await convert(raw, join(outside, 'old.img'), 'qcow2', 'compat=0.10');
    expect(readQcow2((await obtain(old)).dir.disk).version).toBe(3);
    await run('qemu-img', ['snapshot', '-c', 'before', old]);
    const { dir } = await obtain(old);
    expect(readQcow2(dir.disk)).toMatchObject({ version: 3, snapshots: [] });
    await expectSameContent(dir.disk, raw);
  });

  processTest(
    'prepares the same file once for several processes',
    async ({ start, obtain, disk, layout }) => {
      const others = [start(disk), start(disk)];
      const { id } = await obtain(disk);
      for (const { result } of others) expect(await result).toBe(id);
      expect(await readdir(layout.images)).toEqual([id]);
      await expectNothingLeft(layout);
    },
  );
});

type Spoil = (outside: string, disk: string) => Promise<string>;

const BAD: Readonly<Record<string, Spoil>> = {
  'a qcow2 image with a backing file': async (outside, disk) => {
    const path = join(outside, 'overlay.img');
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', disk, path]);
    return path;
  },
  'a qcow2 image whose data are in another file': async (outside) => {
    const path = join(outside, 'external.img');
    const data = join(outside, 'data.raw');
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', `data_file=${data}`, path, '1M']);
    return path;
  },
  'a vmdk descriptor that names a file of the host': async (outside) => {
    const path = join(outside, 'descriptor.vmdk');
    await writeFile(path, DESCRIPTOR.padEnd(1024));
    return path;
  },
  'a vmdk image whose embedded descriptor names a file of the host': async (outside) => {
    const path = join(outside, 'embedded.vmdk');
    const image = Buffer.alloc(4096);
    image.write('KDMV', 0, 'latin1');
    image.writeUInt32LE(1, 4);
    image.writeBigUInt64LE(1n, 28);
    image.writeBigUInt64LE(2n, 36);
    image.write(DESCRIPTOR, 512, 'latin1');
    await writeFile(path, image);
    return path;
  },
  'a vmdk descriptor without its comment line': async (outside) => {
    const path = join(outside, 'bare.vmdk');
    await writeFile(path, DESCRIPTOR.split('\n').slice(1).join('\n').padEnd(1024));
    return path;
  },
  'a vmdk descriptor that aims at another image beside it, by a parent': async (outside, disk) => {
    const path = join(outside, 'child.vmdk');
    await run('qemu-img', ['convert', '-O', 'vmdk', disk, join(outside, 'parent.vmdk')]);
    const options = ['-f', 'vmdk', '-b', join(outside, 'parent.vmdk'), '-F', 'vmdk'];
    await run('qemu-img', ['create', '-q', ...options, path]);
    return path;
  },
  'an OVA': async (outside, disk) => {
    const path = join(outside, 'web.ova');
    await writeFile(join(outside, 'web.ovf'), '<Envelope/>');
    await run('tar', ['--format=ustar', '-C', outside, '-cf', path, 'web.ovf', basename(disk)]);
    return path;
  },
  'a hybrid ISO, which has a boot sector': async (outside) => {
    const content = bootable(Buffer.alloc(64 * 1024));
    content.write('CD001', 32_769, 'latin1');
    await writeFile(join(outside, 'installer.iso'), content);
    return join(outside, 'installer.iso');
  },
  zeros: async (outside) => {
    await writeFile(join(outside, 'zeros.img'), Buffer.alloc(1024 ** 2));
    return join(outside, 'zeros.img');
  },
  'a web page as long as sectors are': async (outside) => {
    await writeFile(join(outside, 'page.img'), '<html>not found</html>\n'.padEnd(1024));
    return join(outside, 'page.img');
  },
  'a web page': async (outside) => {
    await writeFile(join(outside, 'page.html'), '<html>not found</html>\n');
    return join(outside, 'page.html');
  },
  'an empty file': async (outside) => {
    await writeFile(join(outside, 'empty'), '');
    return join(outside, 'empty');
  },
  'a folder': async (outside) => {
    await mkdir(join(outside, 'folder.img'));
    return join(outside, 'folder.img');
  },
  'a file packed with gzip': async (outside, disk) => {
    await run('gzip', ['-1', '--keep', disk]);
    return `${disk}.gz`;
  },
  'a damaged xz file': async (outside, disk) => {
    await run('xz', ['-0', '--keep', disk]);
    const packed = await readFile(`${disk}.xz`);
    await writeFile(`${disk}.xz`, packed.subarray(0, packed.length / 2));
    return `${disk}.xz`;
  },
  'a qcow2 image that is cut off': async (outside, disk) => {
    const path = join(outside, 'short.img');
    await writeFile(path, (await readFile(disk)).subarray(0, 700));
    return path;
  },
  'a qcow2 image that is cut off in its data': async (outside, disk) => {
    const path = join(outside, 'half.img');
    await writeFile(path, (await readFile(disk)).subarray(0, 1024 ** 2));
    return path;
  },
  'a vdi disk that is cut off in its last block': async (outside, disk) => {
    const path = join(outside, 'short.vdi');
    await run('qemu-img', ['convert', '-f', 'qcow2', '-O', 'vdi', disk, path]);
    await writeFile(path, (await readFile(path)).subarray(0, -1));
    return path;
  },
  'a packed qcow2 image that was cut off before': async (outside, disk) => {
    const path = join(outside, 'half.img');
    await writeFile(path, (await readFile(disk)).subarray(0, 1024 ** 2));
    await run('xz', ['-0', path]);
    return `${path}.xz`;
  },
  'a disk that says it is larger than any': async (outside) => {
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', join(outside, 'large'), '100T']);
    return join(outside, 'large');
  },
  'a qed image': async (outside) => {
    await run('qemu-img', ['create', '-q', '-f', 'qed', join(outside, 'disk.qed'), '1M']);
    return join(outside, 'disk.qed');
  },
};

const DESCRIPTOR = `# Disk DescriptorFile
version=1
CID=fffffffe
parentCID=ffffffff
createType="monolithicFlat"
RW 2 FLAT "/etc/hostname" 0
ddb.virtualHWVersion = "4"
ddb.geometry.cylinders = "1"
ddb.geometry.heads = "16"
ddb.geometry.sectors = "63"
ddb.adapterType = "ide"
`;

describe('obtainImage refuses', () => {
  for (const [what, make] of Object.entries(BAD)) {
    test(what, async ({ obtain, layout, outside, disk }) => {
      const path = await make(outside, disk);
      const error = await errorOf(obtain(path), 'IMAGE_INVALID');
      expect(error.message).toContain(`"${path}" is not a usable image: `);
      // What the user has no business with: folders of the store.
      expect(error.message).not.toContain(layout.root);
      expect(error.hint).not.toBe('');
      expect(await readdir(layout.images)).toEqual([]);
      await expectNothingLeft(layout);
    });
  }

  test('a file that does not exist', async ({ obtain, outside }) => {
    const path = join(outside, 'nothing.img');
    const error = await errorOf(obtain(path), 'IMAGE_NOT_FOUND');
    expect(error.message).toBe(`Custom image \`${path}\` does not exist.`);
  });

  test('what changes while it is copied', async ({ obtain, layout, raw }) => {
    const onProgress = ({ phase }: { phase: string }): void => {
      if (phase === 'preparing') void chmod(raw, 0o600);
    };
    await errorOf(obtain(raw, { onProgress }), 'INSTANCE_CHANGED');
    expect(await readdir(layout.images)).toEqual([]);
  });
});
