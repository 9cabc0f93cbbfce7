import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
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

describe('lookAtDisk', () => {
  it('does not wait for a FIFO, and takes no folder', () => {
    execFileSync('mkfifo', [path]);
    expect(() => lookAtDisk(path)).toThrow(expect.objectContaining({ code: 'DISK_INVALID' }));
    expect(() => lookAtDisk(folder)).toThrow(expect.objectContaining({ code: 'DISK_INVALID' }));
  });
});
