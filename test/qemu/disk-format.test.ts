import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lookAtDisk, type DiskLook } from '../../src/qemu/disk-format.js';

const MIB = 1024 ** 2;

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'disk-format-'));
  path = join(folder, 'disk');
});
afterEach(() => rmSync(folder, { recursive: true }));

function qemuImg(...args: string[]): void {
  execFileSync('qemu-img', args);
}

function create(format: string, ...options: string[]): void {
  const more = options.flatMap((option) => ['-o', option]);
  qemuImg('create', '-q', '-f', format, ...more, path, '10M');
}

function change(at: number, bytes: Buffer | string): void {
  const content = readFileSync(path);
  Buffer.from(bytes).copy(content, at);
  writeFileSync(path, content);
}

/** A file of zeros with some bytes in it. */
function fileWith(...pieces: readonly (readonly [at: number, bytes: string | Buffer])[]): void {
  const content = Buffer.alloc(MIB);
  for (const [at, bytes] of pieces) {
    Buffer.from(bytes as string, 'latin1').copy(content, at);
  }
  writeFileSync(path, content);
}

function problem(look: DiskLook): string {
  return look.kind === 'unfit' ? look.problem : `taken for ${JSON.stringify(look)}`;
}

const BOOT = [510, '\x55\xaa'] as const;

describe('lookAtDisk takes', () => {
  it.each([
    ['qcow2', 'qcow2'],
    ['qcow2', 'qcow2', 'compat=0.10'],
    ['qcow2', 'qcow2', 'extended_l2=on'],
    ['vmdk', 'vmdk'],
    ['vmdk', 'vmdk', 'subformat=streamOptimized'],
    ['vdi', 'vdi'],
    ['vdi', 'vdi', 'static=on'],
    ['vhdx', 'vhdx'],
    ['vpc', 'vpc'],
    ['vpc', 'vpc', 'subformat=fixed'],
  ])('%s that QEMU made as %s %s', (format, made, ...options) => {
    create(made, ...options);
    expect(lookAtDisk(path)).toMatchObject({ kind: 'disk', format });
  });

  it('a raw disk that has a boot sector, or a GPT in sectors of 512 or 4096 bytes', () => {
    for (const piece of [BOOT, [512, 'EFI PART'], [4096, 'EFI PART']] as const) {
      fileWith(piece);
      expect(lookAtDisk(path), piece.join(' ')).toEqual({
        ...{ kind: 'disk', format: 'raw', facts: null },
      });
    }
  });

  it('whatever it is told to take for raw', () => {
    for (const pieces of [[], [[0, 'QFI\xfb']], [[32_769, 'CD001'], BOOT]] as const) {
      fileWith(...pieces);
      expect(lookAtDisk(path, { as: 'raw' })).toMatchObject({ kind: 'disk', format: 'raw' });
    }
    writeFileSync(path, '');
    expect(problem(lookAtDisk(path, { as: 'raw' }))).toBe('it is empty');
  });

  it('xz for what has to be unpacked first', () => {
    fileWith([0, '\xfd7zXZ\0']);
    expect(lookAtDisk(path)).toEqual({ kind: 'xz' });
    expect(lookAtDisk(path, { as: 'raw' })).toEqual({ kind: 'xz' });
  });
});

describe('lookAtDisk names', () => {
  it.each([
    ['an ISO image, as of a CD', [[32_769, 'CD001']]],
    ['an ISO image, as of a CD', [[32_769, 'CD001'], BOOT, [512, 'EFI PART']]],
    ['a UDF image, as of a DVD', [[32_769, 'BEA01'], BOOT]],
    ['a squashfs file system', [[0, 'hsqs'], BOOT]],
    ['a Linux kernel', [[514, 'HdrS'], BOOT]],
    ['an ELF program', [[0, '\x7fELF']]],
    ['packed with gzip', [[0, '\x1f\x8b\x08']]],
    ['packed with zstd', [[0, '\x28\xb5\x2f\xfd']]],
    ['packed with bzip2', [[0, 'BZh9']]],
    ['packed with zip', [[0, 'PK\x03\x04']]],
    ['packed with 7-Zip', [[0, '7z\xbc\xaf\x27\x1c']]],
    ['a tar archive', [[257, 'ustar\0']]],
    [
      'an OVA, which is an archive of a machine',
      [
        [0, 'web.ovf'],
        [257, 'ustar\0'],
      ],
    ],
    ['a FAT file system without a partition table', [[82, 'FAT32   '], BOOT]],
    ['an ext4 file system without a boot loader', [[1080, '\x53\xef']]],
    ['a part of a vmdk disk of several files', [[0, 'COWD']]],
    ['encrypted (LUKS)', [[0, 'LUKS\xba\xbe']]],
  ] as const)('%s', (what, pieces) => {
    fileWith(...pieces);
    const look = lookAtDisk(path);
    expect(problem(look)).toBe(`it is ${what}`);
    expect(look).toHaveProperty('hint', expect.stringMatching(/\.$/));
  });

  it.each([
    ['a qed disk', 'qed'],
    ['a disk of the old format qcow', 'qcow'],
    ['a Parallels disk', 'parallels'],
  ])('%s that QEMU made', (what, format) => {
    create(format);
    expect(problem(lookAtDisk(path))).toBe(`it is ${what}`);
  });

  it.each([
    ['a web page or an XML document', '<!DOCTYPE html>\n<title>404</title>'],
    ['a web page or an XML document', '\n  <html><body>not found'],
    ['a pointer of Git LFS', 'version https://git-lfs.github.com/spec/v1\noid sha256:00\n'],
    ['a text', 'remember the milk\n'],
    ['a text', '{ "error": "not found" }'],
  ])('%s, of whatever length', (what, text) => {
    for (const length of [text.length, 512, 4096, 4097]) {
      writeFileSync(path, text.padEnd(length));
      expect(problem(lookAtDisk(path))).toBe(`it is ${what}`);
    }
  });

  it('what has no boot sector, zeros too, and says that it may be one all the same', () => {
    for (const pieces of [[], [[0, '\x01\x02\x03']]] as const) {
      fileWith(...pieces);
      const look = lookAtDisk(path);
      expect(problem(look)).toMatch(/no known format, and has no boot sector/);
      expect(look).toMatchObject({
        mayBeRaw: true,
        hint: expect.stringContaining('file(1)') as string,
      });
    }
  });
});

const EXTENT = 'RW 2048 FLAT "/etc/shadow" 0';

describe('lookAtDisk refuses, as leading to other files,', () => {
  it.each([
    ['with its comment line', `# Disk DescriptorFile\nversion=1\n${EXTENT}\n`],
    ['without it', `version=1\ncreateType="monolithicFlat"\n${EXTENT}\n`],
    ['with other comments', `#\n# x\n\n  version = 1\n${EXTENT}\n`],
    ['with line ends of Windows', `version=2\r\ncreateType="vmfs"\r\n${EXTENT}\r\n`],
    ['with the extent first', `${EXTENT}\nversion=1\n`],
    ['with a parent alone', `parentFileNameHint="/etc/shadow"\nversion=3\nCID=0\n`],
  ])('a vmdk descriptor %s, padded or not, and with the mark of a boot sector', (_, text) => {
    writeFileSync(path, text);
    expect(problem(lookAtDisk(path))).toMatch(/vmdk descriptor: its data are in other files/);
    for (const padding of [' ', '\n', '\0']) {
      writeFileSync(path, text.padEnd(4096, padding));
      change(510, Buffer.from([0x55, 0xaa]));
      expect(problem(lookAtDisk(path)), JSON.stringify(padding)).toMatch(/vmdk descriptor/);
    }
  });

  it('a sparse vmdk disk whose own descriptor does', () => {
    for (const [from, to] of [
      ['SPARSE "disk"', 'FLAT "/etc/sh"'],
      ['parentCID=ffffffff', 'parentCID=00000001'],
      ['# The Disk Data Base', 'parentFileNameHint="x'],
      ['# The Disk Data Base', 'RW 1 SPARSE "/etc/x"'],
    ] as const) {
      create('vmdk');
      const at = readFileSync(path).indexOf(from);
      expect(at, from).toBeGreaterThan(0);
      change(at, to);
      expect(problem(lookAtDisk(path)), to).toMatch(/other files|another file/);
    }
  });

  it('a sparse vmdk disk without a capacity, in its first header or its last', () => {
    for (const subformat of ['monolithicSparse', 'streamOptimized']) {
      create('vmdk', `subformat=${subformat}`);
      change(12, Buffer.alloc(8));
      expect(problem(lookAtDisk(path)), subformat).toMatch(/other files/);
    }
    // The last header, which counts where the first one says so.
    create('vmdk', 'subformat=streamOptimized');
    const content = readFileSync(path);
    content.fill(0xff, 56, 64);
    const last = Buffer.from(content.subarray(0, 512));
    last.fill(0, 12, 20);
    writeFileSync(path, Buffer.concat([content, Buffer.alloc(512), last, Buffer.alloc(512)]));
    expect(problem(lookAtDisk(path))).toMatch(/other files/);
  });

  it('a part of a vmdk disk, which has no descriptor', () => {
    create('vmdk', 'subformat=twoGbMaxExtentSparse');
    expect(problem(lookAtDisk(path))).toMatch(/vmdk descriptor/);
    const part = lookAtDisk(join(folder, 'disk-s001'));
    expect(problem(part)).toMatch(/a part of a disk|in other files/);
  });

  it('a qcow2 image with a backing file or an external data file', () => {
    qemuImg('create', '-q', '-f', 'qcow2', '-u', '-b', '/etc/shadow', '-F', 'raw', path, '10M');
    expect(problem(lookAtDisk(path))).toBe('it stands on another file, "/etc/shadow"');
    create('qcow2', `data_file=${join(folder, 'data')}`);
    expect(problem(lookAtDisk(path))).toBe('its data are in another file');
  });

  it('a vhdx disk that is the difference to another, by either of its tables', () => {
    create('vhdx');
    const content = readFileSync(path);
    const item = Buffer.from('3767a1ca36fa434db3b633f0aa44e76b', 'hex');
    const entry = content.indexOf(item);
    const metadata = content.indexOf('metadata');
    const flags = metadata + content.readUInt32LE(entry + 16) + 4;
    content.writeUInt32LE(content.readUInt32LE(flags) | 2, flags);
    for (const spoilt of [undefined, 192 * 1024, 256 * 1024]) {
      const other = Buffer.from(content);
      if (spoilt !== undefined) other.fill(0, spoilt, spoilt + 4);
      writeFileSync(path, other);
      expect(problem(lookAtDisk(path)), `${spoilt}`).toBe('it stands on another file');
    }
  });

  it('a vhdx disk that is cut off before it can be told', () => {
    for (const length of [8, 100_000, 192 * 1024 + 40, 300_000]) {
      create('vhdx');
      truncateSync(path, length);
      expect(problem(lookAtDisk(path)), `${length}`).toMatch(/cut off or damaged/);
    }
  });

  it('a vdi or a vhd disk that is the difference to another', () => {
    create('vdi');
    change(76, Buffer.from([4]));
    expect(problem(lookAtDisk(path))).toBe('it stands on another file');
    create('vdi');
    change(440, 'a parent of it');
    expect(problem(lookAtDisk(path))).toBe('it stands on another file');
    create('vpc');
    change(60, Buffer.from([0, 0, 0, 4]));
    expect(problem(lookAtDisk(path))).toBe('it stands on another file');
  });
});

describe('lookAtDisk refuses a qcow2 image', () => {
  it.each([
    ['with features that nobody knows', 72, [0, 0, 0, 0, 0, 0, 1, 0], /unknown features/],
    ['that is marked as damaged', 79, [2], /marked as damaged/],
    ['that is encrypted', 32, [0, 0, 0, 2], /encrypted/],
    ['with absurd clusters', 20, [0, 0, 0, 40], /not allowed/],
  ] as const)('%s', (_, at, bytes, expected) => {
    create('qcow2');
    change(at, Buffer.from(bytes));
    expect(problem(lookAtDisk(path))).toMatch(expected);
  });

  it('that is cut off, wherever', () => {
    for (const options of [[], ['-c']]) {
      const raw = join(folder, 'raw');
      writeFileSync(raw, Buffer.alloc(4 * MIB, 'some content of a disk, '));
      qemuImg('convert', '-f', 'raw', '-O', 'qcow2', ...options, raw, path);
      expect(lookAtDisk(path)).toMatchObject({ kind: 'disk' });
      const { length } = readFileSync(path);
      for (const left of [length / 2, 200_000, 70_000, 300, 50, 5]) {
        qemuImg('convert', '-f', 'raw', '-O', 'qcow2', ...options, raw, path);
        truncateSync(path, Math.floor(left));
        expect(problem(lookAtDisk(path)), `${left}`).toMatch(/it is cut off: it ends at byte/);
      }
    }
  });
});

describe('lookAtDisk tells a disk that is cut off', () => {
  it.each([
    ['qcow2', [], 1],
    ['qcow2', ['cluster_size=2M'], 1],
    ['qcow2', ['extended_l2=on'], 1],
    ['qcow2', ['compat=0.10'], 64 * 1024 - 1],
    // The file ends with what is left of a sector.
    ['qcow2 -c', [], 512],
    ['qcow2 -c', ['cluster_size=4096'], 513],
    ['vmdk', [], 1],
    ['vmdk', ['subformat=streamOptimized'], 5000],
    ['vdi', [], 1],
    ['vdi', ['static=on'], 1],
    ['vhdx', ['block_size=1M'], 1],
    ['vhdx', ['subformat=fixed', 'block_size=1M'], 1],
    ['vpc', [], 1],
  ] as const)('%s %j, by the least that is missing', (made, options, missing) => {
    const raw = join(folder, 'raw');
    // What is packed does not get smaller.
    writeFileSync(raw, randomBytes(4 * MIB));
    const [format, ...more] = made.split(' ');
    const words = [...more, ...options.flatMap((option) => ['-o', option])];
    qemuImg('convert', '-f', 'raw', '-O', format!, ...words, raw, path);
    expect(lookAtDisk(path)).toMatchObject({ kind: 'disk', format });
    const { size } = statSync(path);
    for (const left of [size - missing, Math.floor(size / 2), Math.floor(size / 10)]) {
      truncateSync(path, left);
      expect(problem(lookAtDisk(path)), `${left}`).toMatch(/it is cut off|cut off or damaged/);
    }
  });

  it('raw, by its partitions, in a table of either kind', () => {
    const mbr = Buffer.alloc(16);
    mbr.writeUInt8(0x83, 4);
    mbr.writeUInt32LE(64, 8);
    const gpt = Buffer.alloc(128, 1);
    const header = Buffer.alloc(88);
    header.write('EFI PART');
    header.writeUInt32LE(2, 72);
    header.writeUInt32LE(4, 80);
    header.writeUInt32LE(128, 84);
    const protective = Buffer.from(mbr).fill(0xee, 4, 5).fill(0xff, 12, 16);
    const lookAt = (end: number): DiskLook[] => {
      mbr.writeUInt32LE(end - 64, 12);
      gpt.writeBigUInt64LE(BigInt(end - 1), 40);
      fileWith(BOOT, [446, mbr]);
      const first = lookAtDisk(path);
      fileWith(BOOT, [446, protective], [512, header], [1024, gpt]);
      return [first, lookAtDisk(path)];
    };
    for (const look of lookAt(MIB / 512)) expect(look).toMatchObject({ format: 'raw' });
    for (const look of lookAt(MIB / 512 + 1)) {
      expect(problem(look)).toBe(
        `it is cut off: it ends at byte ${MIB}, and has data up to ${MIB + 512}`,
      );
      expect(look).toMatchObject({ mayBeRaw: true });
    }
    expect(lookAtDisk(path, { as: 'raw' })).toMatchObject({ kind: 'disk', format: 'raw' });
  });

  it('and nothing else: a partition table that is the code of a boot loader', () => {
    fileWith(BOOT, [446, Buffer.alloc(64, 0x9c)]);
    expect(lookAtDisk(path)).toMatchObject({ kind: 'disk', format: 'raw' });
  });

  it.each([
    ['qcow2', 'preallocation=metadata'],
    ['qcow2', 'preallocation=falloc'],
    ['qcow2', 'lazy_refcounts=on'],
    ['vmdk', 'zeroed_grain=on'],
  ])('and not %s with %s, whose end nobody has written to', (format, option) => {
    qemuImg('create', '-q', '-f', format, '-o', option, path, String(4 * MIB + 512));
    for (const io of ['write -P 1 0 512', 'write -z 1M 1M', 'write -P 2 4M 512', 'discard 0 64k']) {
      execFileSync('qemu-io', ['-f', format, '-d', 'unmap', '-c', io, path], { stdio: 'ignore' });
      expect(lookAtDisk(path), io).toMatchObject({ kind: 'disk', format });
    }
  });

  // With a loop over all that is told it would take minutes.
  it('within the time of a test, however long its tables say that they are', () => {
    for (const [format, at, bytes] of [
      ['qcow2', 56, 'ffffffff'],
      ['qcow2', 36, '00400000'],
      ['vmdk', 12, 'ffffffffffff0f00'],
      ['vmdk', 44, 'ffffffff'],
      ['vdi', 384, 'ffffffff'],
    ] as const) {
      create(format);
      change(at, Buffer.from(bytes, 'hex'));
      expect(lookAtDisk(path), `${format} ${at}`).toMatchObject({ kind: 'unfit' });
    }
  });
});

describe('lookAtDisk', () => {
  it('does not wait for a FIFO, and takes no folder', () => {
    execFileSync('mkfifo', [path]);
    expect(() => lookAtDisk(path)).toThrow(expect.objectContaining({ code: 'DISK_INVALID' }));
    expect(() => lookAtDisk(folder)).toThrow(expect.objectContaining({ code: 'DISK_INVALID' }));
  });
});
