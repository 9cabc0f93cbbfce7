import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { createOverlay } from '../../src/qemu/create-overlay.js';
import { readQcow2 } from '../../src/qemu/qcow2-header.js';
import { test as base } from '../support/store-fixture.js';

const MIB = 1024 ** 2;
const BACKING = { file: 'base.qcow2', format: 'qcow2' };

const test = base.extend<{ folder: string; disk: string }>({
  folder: async ({ root }, use) => {
    const folder = join(root, '..', 'disks');
    mkdirSync(folder);
    qemuImg('create', '-q', '-f', 'qcow2', join(folder, BACKING.file), '16M');
    qemuIo(join(folder, BACKING.file), 'write -P 7 0 1M');
    await use(folder);
  },
  disk: async ({ folder }, use) => {
    await use(join(folder, 'disk.qcow2'));
  },
});

function qemuImg(...args: string[]): string {
  return execFileSync('qemu-img', args, { encoding: 'utf8' });
}

function qemuIo(path: string, command: string): string {
  return execFileSync('qemu-io', ['-f', 'qcow2', '-c', command, path], { encoding: 'utf8' });
}

describe('an overlay', () => {
  test('is to the byte what qemu-img makes, of any size and on a base of any name', async ({
    folder,
    disk,
  }) => {
    const theirs = join(folder, 'theirs.qcow2');
    const sizes = fc.oneof(
      fc.constantFrom(1, 512, 2 ** 29, 2 ** 29 + 1, 2 ** 42, 2 ** 42 + 512),
      fc.integer({ min: 1, max: 2 ** 45 }),
    );
    const names = fc.stringMatching(/^[A-Za-z0-9 ,=%äß-][A-Za-z0-9 .,=%äß-]{0,40}$/);
    const formats = fc.constantFrom('qcow2', 'raw');
    await fc.assert(
      fc.asyncProperty(sizes, names, formats, async (size, file, format) => {
        await createOverlay({ path: disk, backing: { file, format }, size });
        const layer = ['-u', '-b', file, '-F', format];
        qemuImg('create', '-q', '-f', 'qcow2', ...layer, '--', theirs, String(size));
        expect(readFileSync(disk).equals(readFileSync(theirs))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  test('shows what its base has, and keeps what is written to it', async ({ folder, disk }) => {
    await createOverlay({ path: relative('.', disk), backing: BACKING });
    expect(readQcow2(disk)).toMatchObject({
      virtualSize: 16 * MIB,
      backingFile: BACKING.file,
      backingFormat: 'qcow2',
    });
    const before = readFileSync(join(folder, BACKING.file));
    qemuIo(disk, 'write -P 8 1M 1M');
    expect(qemuIo(disk, 'read -P 7 0 1M')).not.toContain('failed');
    expect(qemuIo(disk, 'read -P 8 1M 1M')).not.toContain('failed');
    qemuImg('check', '-q', disk);
    expect(readFileSync(join(folder, BACKING.file)).equals(before)).toBe(true);
  });

  test('is as large as a raw base, in whole sectors, or larger', async ({ folder, disk }) => {
    writeFileSync(join(folder, 'base.raw'), Buffer.alloc(1000));
    await createOverlay({ path: disk, backing: { file: 'base.raw', format: 'raw' } });
    expect(readQcow2(disk).virtualSize).toBe(1024);
    await createOverlay({ path: disk, backing: BACKING, size: 64 * MIB });
    expect(readQcow2(disk).virtualSize).toBe(64 * MIB);
  });

  test('takes little room, and is for its owner alone', async ({ disk }) => {
    await createOverlay({ path: disk, backing: BACKING, size: 2 ** 42 });
    const { blocks, mode } = statSync(disk);
    expect(blocks * 512).toBeLessThanOrEqual(64 * 1024);
    expect(mode & 0o777).toBe(0o600);
  });

  test.for(['', '/etc/passwd', '../base.qcow2', 'nbd:unix:socket', 'json:{}'])(
    'is not made on "%s"',
    async (file, { disk }) => {
      const made = createOverlay({ path: disk, backing: { file, format: 'qcow2' } });
      await expect(made).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect(existsSync(disk)).toBe(false);
    },
  );

  test('is not made on what is no disk, or is not there', async ({ folder, disk }) => {
    writeFileSync(join(folder, 'text'), 'no disk');
    const onText = createOverlay({ path: disk, backing: { file: 'text', format: 'qcow2' } });
    await expect(onText).rejects.toMatchObject({ code: 'DISK_INVALID' });
    const onNothing = createOverlay({ path: disk, backing: { file: 'none', format: 'qcow2' } });
    await expect(onNothing).rejects.toMatchObject({ code: 'IO_ERROR' });
    expect(existsSync(disk)).toBe(false);
  });
});
