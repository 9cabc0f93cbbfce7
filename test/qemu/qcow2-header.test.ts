import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { MultipassError } from '../../src/errors.js';
import { hasSnapshotNamed, isQcow2, readQcow2 } from '../../src/qemu/qcow2-header.js';

let folder: string;
let disk: string;

let samples: string;

beforeAll(() => {
  samples = mkdtempSync(join(tmpdir(), 'qcow2-samples-'));
  disk = join(samples, 'sample.qcow2');
  qemuImg('create', '-q', '-f', 'qcow2', join(samples, 'base.qcow2'), '64M');
  create('-b', 'base.qcow2', '-F', 'qcow2');
  qemuImg('snapshot', '-c', '@s1', disk);
});

afterAll(() => rmSync(samples, { recursive: true, force: true }));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'qcow2-'));
  disk = join(folder, 'disk.qcow2');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function qemuImg(...args: string[]): string {
  return execFileSync('qemu-img', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function create(...options: string[]): void {
  qemuImg('create', '-q', '-f', 'qcow2', ...options, disk, '64M');
}

/** Writes a big-endian number of so many bytes into the disk. */
function patch(offset: number, size: 1 | 2 | 4 | 8, value: bigint): void {
  const content = readFileSync(disk);
  for (let index = 0; index < size; index++) {
    content[offset + index] = Number((value >> BigInt(8 * (size - 1 - index))) & 0xffn);
  }
  writeFileSync(disk, content);
}

/** The error of reading, which must be the one that every damage gives; undefined when it reads. */
function damageOf(path: string): MultipassError | undefined {
  try {
    readQcow2(path);
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(MultipassError);
    expect((error as MultipassError).code).toBe('DISK_INVALID');
    expect((error as MultipassError).message).toContain(`"${path}" is not a qcow2 image: `);
    return error as MultipassError;
  }
}

interface QemuInfo {
  'virtual-size': number;
  'cluster-size': number;
  'backing-filename'?: string;
  'backing-filename-format'?: string;
  snapshots?: { id: string; name: string; 'vm-state-size': number }[];
  'format-specific': { data: { compat: string; corrupt?: boolean } };
  'dirty-flag': boolean;
}

function expectAsQemuSays(): void {
  const info = JSON.parse(qemuImg('info', '--output=json', disk)) as QemuInfo;
  const { compat, corrupt } = info['format-specific'].data;
  expect(readQcow2(disk)).toEqual({
    version: compat === '0.10' ? 2 : 3,
    virtualSize: info['virtual-size'],
    clusterSize: info['cluster-size'],
    backingFile: info['backing-filename'] ?? null,
    backingFormat: info['backing-filename-format'] ?? null,
    snapshots: (info.snapshots ?? []).map((snapshot) => ({
      id: snapshot.id,
      name: snapshot.name,
      vmStateSize: snapshot['vm-state-size'],
      diskSize: info['virtual-size'],
    })),
    dirty: info['dirty-flag'],
    corrupt: corrupt ?? false,
    externalData: false,
    encrypted: false,
  });
}

describe('readQcow2', () => {
  describe.each(['0.10', '1.1'])('with compat=%s', (compat) => {
    it.each([0, 1, 20])('reads what qemu-img info says, with %i snapshots', (count) => {
      create('-o', `compat=${compat}`);
      for (let index = 1; index <= count; index++) qemuImg('snapshot', '-c', `@s${index}`, disk);
      expectAsQemuSays();
      expect(readQcow2(disk).snapshots).toHaveLength(count);
    });

    it('reads the backing file and its format', () => {
      qemuImg('create', '-q', '-f', 'qcow2', join(folder, 'base-größe.qcow2'), '64M');
      create('-o', `compat=${compat}`, '-b', 'base-größe.qcow2', '-F', 'qcow2');
      qemuImg('snapshot', '-c', 'suspend', disk);
      expectAsQemuSays();
      expect(readQcow2(disk)).toMatchObject({
        backingFile: 'base-größe.qcow2',
        backingFormat: 'qcow2',
      });
    });
  });

  it.each([512, 4096, 2 * 1024 * 1024])('reads an image with clusters of %i bytes', (size) => {
    create('-o', `cluster_size=${size}`);
    qemuImg('snapshot', '-c', 'x'.repeat(255), disk);
    expectAsQemuSays();
  });

  it('reads a backing file name at the end of the first cluster', () => {
    copyFileSync(join(samples, 'sample.qcow2'), disk);
    const content = readFileSync(disk);
    const name = 'base.qcow2';
    content.write(name, 65_536 - name.length);
    content.writeBigUInt64BE(BigInt(65_536 - name.length), 8);
    writeFileSync(disk, content);
    expectAsQemuSays();
    expect(readQcow2(disk)).toMatchObject({ backingFile: name, backingFormat: 'qcow2' });
  });

  it('reads a snapshot table that is larger than one read', () => {
    create();
    for (let index = 0; index < 18; index++) {
      qemuImg('snapshot', '-c', `${index}`.padStart(250, 'é'.repeat(50)), disk);
    }
    expectAsQemuSays();
  });

  it('says what size the disk had when a snapshot was taken', () => {
    create();
    qemuImg('snapshot', '-c', '@s1', disk);
    qemuImg('resize', '-q', disk, '128M');
    expect(readQcow2(disk)).toMatchObject({
      virtualSize: 128 * 1024 * 1024,
      snapshots: [{ name: '@s1', diskSize: 64 * 1024 * 1024 }],
    });
  });

  it('reads state sizes of 32 bits where a snapshot has no extra data, and of 64 where it has', () => {
    create();
    qemuImg('snapshot', '-c', 'ab', disk);
    const table = Number(readFileSync(disk).readBigUInt64BE(64));
    patch(table + 40, 8, 0x1_2345_6789n);
    expect(readQcow2(disk).snapshots[0]?.vmStateSize).toBe(0x1_2345_6789);
    const entry = readFileSync(disk);
    entry.copyWithin(table + 40, table + 40 + entry.readUInt32BE(table + 36), table + 80);
    writeFileSync(disk, entry);
    patch(table + 32, 4, 4321n);
    patch(table + 36, 4, 0n);
    const bare = { id: '1', name: 'ab', vmStateSize: 4321, diskSize: null };
    expect(readQcow2(disk).snapshots).toEqual([bare]);
  });

  it.each([
    ['dirty', 1n],
    ['corrupt', 2n],
    ['externalData', 4n],
  ] as const)('tells that an image is %s', (fact, bit) => {
    create();
    expect(readQcow2(disk)[fact]).toBe(false);
    patch(72, 8, bit);
    const { dirty, corrupt, externalData } = readQcow2(disk);
    expect({ dirty, corrupt, externalData }).toEqual({
      dirty: false,
      corrupt: false,
      externalData: false,
      [fact]: true,
    });
  });

  it('tells that an image is encrypted', () => {
    const key = ['--object', 'secret,id=key,data=abc'];
    create(...key, '-o', 'encrypt.format=aes,encrypt.key-secret=key');
    expect(readQcow2(disk).encrypted).toBe(true);
  });

  it.each([
    ['another magic number', 0, 4, 0x4b444d56n, 'begin'],
    ['version 4', 4, 4, 4n, 'version 4'],
    ['a backing file name of 4 GiB', 16, 4, 0xffff_ffffn, 'backing file name is too long'],
    ['a backing file name beyond the first cluster', 8, 8, 0x10000n, 'in a wrong place'],
    ['clusters of 256 bytes', 20, 4, 8n, '2^8 bytes'],
    ['clusters of 4 GiB', 20, 4, 32n, '2^32 bytes'],
    ['a virtual size that is no safe integer', 24, 8, 1n << 60n, 'virtual size'],
    ['an unknown encryption method', 32, 4, 3n, 'encryption method 3'],
    ['an L1 table beyond the end', 40, 8, 1n << 40n, 'L1 table'],
    ['an endless L1 table', 36, 4, 0xffff_ffffn, 'L1 table'],
    ['4 billion snapshots', 60, 4, 0xffff_ffffn, '4294967295 snapshots'],
    ['a thousand snapshots more than there are', 60, 4, 1001n, 'it ends at byte'],
    ['a snapshot table beyond the end', 64, 8, 1n << 40n, 'it ends at byte'],
    ['a snapshot table beyond all numbers', 64, 8, (1n << 64n) - 1n, 'place of its snapshot table'],
    ['a snapshot table inside a cluster', 64, 8, 0x1_0008n, 'in a wrong place'],
    ['a feature that nobody knows', 72, 8, 1n << 5n, 'unknown features (0x20)'],
    ['a header shorter than itself', 100, 4, 8n, 'a header of 8 bytes'],
    ['a header extension of 4 GiB', 112 + 4, 4, 0xffff_ffffn, 'header extension'],
  ] as const)('refuses %s', (_what, offset, size, value, problem) => {
    copyFileSync(join(samples, 'sample.qcow2'), disk);
    expect(damageOf(disk)).toBeUndefined();
    patch(offset, size, value);
    expect(damageOf(disk)?.message).toContain(problem);
  });

  it.each([
    ['an id that goes beyond the end', 12, 2, 0xffffn, 'it ends at byte'],
    ['a name that goes beyond the end', 14, 2, 0xffffn, 'it ends at byte'],
    ['too much extra data', 36, 4, 1025n, 'too much extra data'],
    ['endless extra data', 36, 4, 0xffff_ffffn, 'too much extra data'],
    ['a state size that is no safe integer', 40, 8, 1n << 63n, 'state size'],
    ['a disk size that is no safe integer', 48, 8, 1n << 63n, 'disk size'],
    ['a NUL in its id', 64, 1, 0n, 'NUL'],
  ] as const)('refuses a snapshot with %s', (_what, offset, size, value, problem) => {
    copyFileSync(join(samples, 'sample.qcow2'), disk);
    const table = Number(readFileSync(disk).readBigUInt64BE(64));
    patch(table + offset, size, value);
    expect(damageOf(disk)?.message).toContain(problem);
  });

  it('refuses a real image that is cut off at any byte of its header cluster', () => {
    qemuImg('create', '-q', '-f', 'qcow2', join(folder, 'base.qcow2'), '64M');
    create('-b', 'base.qcow2', '-F', 'qcow2', '-o', 'cluster_size=4096');
    for (let size = 4096; size >= 0; size--) {
      truncateSync(disk, size);
      expect(damageOf(disk), `cut at ${size}`).toBeDefined();
    }
  });

  it('refuses a real image that is cut off anywhere in its snapshot table', () => {
    create();
    for (const tag of ['@s1', '@s2', '@s3']) qemuImg('snapshot', '-c', tag, disk);
    const content = readFileSync(disk);
    const table = Number(content.readBigUInt64BE(64));
    const end = content.lastIndexOf('@s3') + '@s3'.length;
    truncateSync(disk, end);
    expect(damageOf(disk)).toBeUndefined();
    for (let size = end - 1; size >= table; size--) {
      truncateSync(disk, size);
      expect(damageOf(disk), `cut at ${size}`).toBeDefined();
    }
  });

  it('either reads a damaged image or refuses it, whatever the damage', () => {
    qemuImg('create', '-q', '-f', 'qcow2', join(folder, 'base.qcow2'), '16M');
    create('-b', 'base.qcow2', '-F', 'qcow2', '-o', 'cluster_size=512');
    for (const tag of ['@s1', '@s2', 'suspend']) qemuImg('snapshot', '-c', tag, disk);
    const whole = readFileSync(disk);
    const table = Number(whole.readBigUInt64BE(64));
    const place = fc.oneof(
      fc.integer({ min: 4, max: 240 }),
      fc.integer({ min: table, max: table + 240 }),
    );
    const byte = fc.oneof(
      fc.constantFrom(0, 1, 0x7f, 0x80, 0xff),
      fc.integer({ max: 255, min: 0 }),
    );
    const damage = fc.array(fc.tuple(place, byte), { minLength: 1, maxLength: 8 });
    let refused = 0;
    fc.assert(
      fc.property(damage, (bytes) => {
        const content = Buffer.from(whole);
        for (const [at, value] of bytes) content[at] = value;
        writeFileSync(disk, content);
        if (damageOf(disk) !== undefined) refused++;
      }),
      { numRuns: 600 },
    );
    expect(refused).toBeGreaterThan(100);
    expect(refused).toBeLessThan(600);
  });

  it('reads as many snapshots as QEMU allows, and no larger table than QEMU allows', () => {
    create();
    patch(60, 4, 65_536n);
    patch(64, 8, 0x10_0000n);
    truncateSync(disk, 0x10_0000 + 65_536 * 40);
    expect(readQcow2(disk).snapshots).toHaveLength(65_536);

    const entry = Buffer.alloc(40 + 1024);
    entry.writeUInt32BE(1024, 36);
    const table = Buffer.alloc(65_536 * entry.length, entry);
    writeFileSync(disk, Buffer.concat([readFileSync(disk).subarray(0, 0x10_0000), table]));
    expect(damageOf(disk)?.message).toContain('too large');
  });

  it('refuses a FIFO, a device and a folder at once', () => {
    const fifo = join(folder, 'fifo');
    execFileSync('mkfifo', [fifo]);
    for (const path of [fifo, '/dev/zero', folder]) {
      expect(damageOf(path)?.message).toContain('not a regular file');
    }
  });

  it('gives a missing file and a path through a file their own errors', () => {
    writeFileSync(disk, '');
    for (const path of [join(folder, 'none.qcow2'), join(disk, 'x')]) {
      expect(() => readQcow2(path)).toThrow(
        expect.objectContaining({
          code: 'IO_ERROR',
          message: expect.stringContaining(path) as string,
        }),
      );
    }
  });

  it('closes the file, whether it could be read or not', () => {
    create();
    const broken = join(folder, 'broken');
    writeFileSync(broken, 'nothing');
    const openFiles = (): number => readdirSync('/dev/fd').length;
    const before = openFiles();
    for (let index = 0; index < 20; index++) {
      readQcow2(disk);
      damageOf(broken);
    }
    expect(openFiles()).toBe(before);
  });
});

describe('isQcow2', () => {
  it('knows an image by its first bytes, not by its name', () => {
    create();
    const plain = join(folder, 'image');
    copyFileSync(disk, plain);
    expect(isQcow2(plain)).toBe(true);
    for (const content of ['', 'QFI', 'QFI!', 'raw bytes']) {
      writeFileSync(disk, content);
      expect(isQcow2(disk)).toBe(false);
    }
  });

  it('refuses a folder', () => {
    mkdirSync(disk);
    expect(() => isQcow2(disk)).toThrow(expect.objectContaining({ code: 'DISK_INVALID' }));
  });
});

describe('hasSnapshotNamed', () => {
  it('goes by the whole name, not by the id', () => {
    create();
    qemuImg('snapshot', '-c', '@s12', disk);
    const facts = readQcow2(disk);
    expect(hasSnapshotNamed(facts, '@s12')).toBe(true);
    expect(hasSnapshotNamed(facts, '@s1')).toBe(false);
    expect(hasSnapshotNamed(facts, '1')).toBe(false);
  });
});
