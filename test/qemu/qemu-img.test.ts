import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createOverlay } from '../../src/qemu/create-overlay.js';
import { hasSnapshotNamed, readQcow2 } from '../../src/qemu/qcow2-header.js';
import {
  amendToV3,
  checkAndRepairLeaks,
  isHeldByQemu,
  measure,
  rebase,
  resize,
  snapshotApply,
  snapshotCreate,
  snapshotDelete,
  virtualSizeOf,
} from '../../src/qemu/qemu-img.js';

const MIB = 1024 * 1024;
let folder: string;
let disk: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'qemu-img-'));
  disk = join(folder, 'disk.qcow2');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function qemuImg(...args: string[]): string {
  return execFileSync('qemu-img', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function create(path: string, ...options: string[]): void {
  qemuImg('create', '-q', '-f', 'qcow2', ...options, path, '16M');
}

function write(path: string, pattern: number, range = '0 1M'): void {
  execFileSync('qemu-io', ['-f', 'qcow2', '-c', `write -P ${pattern} ${range}`, path]);
}

/** Whether the guest would see this pattern there. */
function holds(path: string, pattern: number, range = '0 1M'): boolean {
  const args = ['-r', '-f', 'qcow2', '-c', `read -P ${pattern} ${range}`, path];
  return !execFileSync('qemu-io', args, { encoding: 'utf8' }).includes('failed');
}

/** Opens an image for writing in another process, which ends with its stdin. */
async function hold(path: string): Promise<ChildProcessWithoutNullStreams> {
  const holder = spawn('qemu-io', ['-f', 'qcow2', path]);
  // The prompt comes once the image is open.
  await once(holder.stdout, 'data');
  return holder;
}

async function release(holder: ChildProcessWithoutNullStreams): Promise<void> {
  const ended = once(holder, 'exit');
  holder.stdin.end();
  await ended;
}

describe('snapshots', () => {
  it('takes, applies and deletes an internal snapshot', async () => {
    create(disk);
    write(disk, 1);
    await snapshotCreate(disk, '@s1');
    write(disk, 2);
    await resize(disk, 32 * MIB);
    await snapshotApply(disk, '@s1');
    expect(holds(disk, 1)).toBe(true);
    expect(readQcow2(disk).virtualSize).toBe(16 * MIB);
    await snapshotDelete(disk, '@s1');
    expect(readQcow2(disk).snapshots).toEqual([]);
  });

  it('fails to apply or to delete one that is not there', async () => {
    create(disk);
    await expect(snapshotApply(disk, '@s1')).rejects.toMatchObject({ code: 'TOOL_FAILED' });
    await expect(snapshotDelete(disk, '@s1')).rejects.toMatchObject({ code: 'TOOL_FAILED' });
  });

  it.each(['-d', 'a,b=c', 'with é'])('takes %s for a tag', async (tag) => {
    create(disk);
    await snapshotCreate(disk, tag);
    expect(hasSnapshotNamed(readQcow2(disk), tag)).toBe(true);
    await snapshotDelete(disk, tag);
    expect(hasSnapshotNamed(readQcow2(disk), tag)).toBe(false);
  });
});

describe('resize', () => {
  it('grows a disk, and refuses to shrink one', async () => {
    create(disk);
    await resize(disk, 20 * MIB);
    expect(readQcow2(disk).virtualSize).toBe(20 * MIB);
    await expect(resize(disk, 8 * MIB)).rejects.toMatchObject({ code: 'TOOL_FAILED' });
    expect(readQcow2(disk).virtualSize).toBe(20 * MIB);
  });
});

describe('rebase', () => {
  beforeEach(() => {
    create(join(folder, 'base-x.qcow2'));
    write(join(folder, 'base-x.qcow2'), 7);
  });

  const backing = { file: 'base-x.qcow2', format: 'qcow2' };

  it.each(['', '/etc/passwd', '../base-x.qcow2', 'nbd:unix:socket', 'json:{}'])(
    'refuses "%s" as a base before qemu-img sees it',
    async (file) => {
      create(disk);
      const bad = { file, format: 'qcow2' };
      await expect(rebase(disk, bad)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    },
  );

  it('keeps what the guest sees when a disk moves to another base, or to none', async () => {
    await createOverlay({ path: disk, backing });
    write(disk, 8, '1M 1M');
    create(join(folder, 'base-y.qcow2'));
    await rebase(disk, { file: 'base-y.qcow2', format: 'qcow2' });
    expect(readQcow2(disk).backingFile).toBe('base-y.qcow2');
    expect([holds(disk, 7), holds(disk, 8, '1M 1M')]).toEqual([true, true]);
    await rebase(disk, null);
    expect(readQcow2(disk).backingFile).toBeNull();
    expect([holds(disk, 7), holds(disk, 8, '1M 1M')]).toEqual([true, true]);
  });
});

describe('amendToV3', () => {
  it('raises version 2, keeps the content, and leaves version 3 alone', async () => {
    create(disk, '-o', 'compat=0.10');
    write(disk, 5);
    expect(readQcow2(disk).version).toBe(2);
    await amendToV3(disk);
    await amendToV3(disk);
    expect(readQcow2(disk).version).toBe(3);
    expect(holds(disk, 5)).toBe(true);
  });
});

describe('checkAndRepairLeaks', () => {
  it('frees what nothing refers to', async () => {
    create(disk);
    write(disk, 1);
    await snapshotCreate(disk, '@s1');
    write(disk, 2);
    // Forget the snapshot, as a `snapshot -d` killed in the middle does.
    const content = readFileSync(disk);
    content.fill(0, 60, 72);
    writeFileSync(disk, content);
    expect(() => qemuImg('check', disk)).toThrow();
    await checkAndRepairLeaks(disk);
    expect(qemuImg('check', disk)).toContain('No errors');
    expect(holds(disk, 2)).toBe(true);
  });

  it.each([
    ['data beyond the end of the file (exit code 2)', (size: number) => size - 512 * 1024, -1],
    ['cluster in use but counted free (exit code 1)', (size: number) => size, 2 * 65_536 + 10],
  ] as const)('refuses a disk with %s', async (_what, sizeOf, zeroed) => {
    create(disk);
    write(disk, 1);
    const content = readFileSync(disk);
    if (zeroed >= 0) content.fill(0, zeroed, zeroed + 2);
    writeFileSync(disk, content.subarray(0, sizeOf(content.length)));
    await expect(checkAndRepairLeaks(disk)).rejects.toMatchObject({ code: 'DISK_INVALID' });
  });

  it('goes by the exit codes, whatever is printed', async () => {
    const tool = join(folder, 'qemu-img');
    vi.stubEnv('PATH', folder);
    const answerOf = async (exitCode: number): Promise<void> => {
      writeFileSync(tool, `#!/bin/sh\nexit ${exitCode}\n`, { mode: 0o755 });
      await checkAndRepairLeaks(disk);
    };
    await answerOf(3);
    await expect(answerOf(2)).rejects.toMatchObject({ code: 'DISK_INVALID' });
    await expect(answerOf(63)).rejects.toMatchObject({ code: 'TOOL_FAILED' });
  });

  it('does not call a disk damaged that it cannot open', async () => {
    const missing = checkAndRepairLeaks(join(folder, 'none.qcow2'));
    await expect(missing).rejects.toMatchObject({ code: 'TOOL_FAILED' });
  });
});

describe('measure', () => {
  it('counts the own layer, a snapshot of it, or all', async () => {
    create(join(folder, 'base.qcow2'));
    write(join(folder, 'base.qcow2'), 1, '0 8M');
    await createOverlay({ path: disk, backing: { file: 'base.qcow2', format: 'qcow2' } });
    write(disk, 2, '0 1M');
    await snapshotCreate(disk, '@s1,x');
    write(disk, 3, '1M 2M');
    const overhead = MIB / 2;
    for (const [options, data] of [
      [{}, 3 * MIB],
      [{ snapshot: '@s1,x' }, MIB],
      [{ flatten: true }, 8 * MIB],
    ] as const) {
      const { required } = await measure(disk, options);
      expect(required).toBeGreaterThanOrEqual(data);
      expect(required).toBeLessThan(data + overhead);
    }
  });
});

describe('virtualSizeOf', () => {
  it('tells the size, and takes a disk for what it is said to be', async () => {
    create(join(folder, 'base.qcow2'));
    await createOverlay({ path: disk, backing: { file: 'base.qcow2', format: 'qcow2' } });
    expect(await virtualSizeOf(disk)).toBe(16 * MIB);
    for (const format of ['raw', 'vmdk', 'vdi', 'vhdx'] as const) {
      qemuImg('create', '-q', '-f', format, disk, '16M');
      expect(await virtualSizeOf(disk, { foreign: format })).toBe(16 * MIB);
    }
    await expect(virtualSizeOf(disk)).rejects.toMatchObject({ code: 'TOOL_FAILED' });
  });

  it('refuses an answer that is none', async () => {
    const tool = join(folder, 'qemu-img');
    vi.stubEnv('PATH', folder);
    for (const answer of [
      '',
      'null',
      '[]',
      '{"format":7}',
      '{"format":"raw","virtual-size":"x"}',
    ]) {
      writeFileSync(tool, `#!/bin/sh\necho '${answer}'\n`, { mode: 0o755 });
      await expect(virtualSizeOf(disk)).rejects.toMatchObject({ code: 'TOOL_FAILED' });
    }
  });
});

describe('a disk that another process has open for writing', () => {
  it('is held, can be asked about, and cannot be changed', async () => {
    create(disk);
    expect(await isHeldByQemu(disk)).toBe(false);
    const holder = await hold(disk);
    try {
      expect(await isHeldByQemu(disk)).toBe(true);
      expect(await virtualSizeOf(disk)).toBe(16 * MIB);
      for (const change of [() => snapshotCreate(disk, '@s1'), () => checkAndRepairLeaks(disk)]) {
        await expect(change()).rejects.toMatchObject({
          code: 'DISK_IN_USE',
          details: { path: disk },
        });
      }
    } finally {
      await release(holder);
    }
    expect(await isHeldByQemu(disk)).toBe(false);
  });

  it('is not made out of one that is missing', async () => {
    await expect(isHeldByQemu(disk)).rejects.toMatchObject({ code: 'TOOL_FAILED' });
  });
});

describe('file names', () => {
  it.each(['a:b,c.qcow2', 'json:{}', '-x', 'nbd:localhost:1', 'a b\n"$(id)'])(
    'takes %j for a file and nothing else',
    async (name) => {
      vi.spyOn(process, 'cwd').mockReturnValue(folder);
      await createOverlayNamed(name);
      await snapshotCreate(name, '@s1');
      await resize(name, 32 * MIB);
      await amendToV3(name);
      await checkAndRepairLeaks(name);
      expect((await measure(name, { snapshot: '@s1' })).required).toBeGreaterThan(0);
      expect(await virtualSizeOf(name)).toBe(32 * MIB);
      expect(await isHeldByQemu(name)).toBe(false);
      await rebase(name, null);
      await snapshotApply(name, '@s1');
      await snapshotDelete(name, '@s1');
      expect(readQcow2(join(folder, name)).virtualSize).toBe(16 * MIB);
    },
  );

  async function createOverlayNamed(name: string): Promise<void> {
    create(join(folder, 'base.qcow2'));
    const path = join(folder, name);
    await createOverlay({ path, backing: { file: 'base.qcow2', format: 'qcow2' } });
    expect(statSync(join(folder, name)).isFile()).toBe(true);
  }
});

describe('failures', () => {
  it('says TOOL_MISSING, with a hint, when there is no qemu-img', async () => {
    vi.stubEnv('PATH', folder);
    await expect(resize(disk, MIB)).rejects.toMatchObject({
      code: 'TOOL_MISSING',
      hint: expect.stringContaining('qemu-utils') as string,
    });
  });

  it('does not start when the signal has fired, and names the path when qemu-img fails', async () => {
    create(disk);
    const before = readFileSync(disk);
    const signal = AbortSignal.abort();
    await expect(snapshotCreate(disk, '@s1', { signal })).rejects.toMatchObject({
      code: 'ABORTED',
    });
    expect(readFileSync(disk).equals(before)).toBe(true);
    writeFileSync(disk, 'no image');
    await expect(resize(disk, MIB)).rejects.toThrow(basename(disk));
  });
});
