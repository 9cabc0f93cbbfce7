import { readdirSync, readlinkSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test as base, vi } from 'vitest';
import { run } from '../../src/process/run.js';
import {
  checkAndRepairLeaks,
  convertActive,
  isHeldByQemu,
  measure,
  virtualSizeOf,
} from '../../src/qemu/qemu-img.js';
import { replaceProgram } from '../support/replace-program.js';

const SECRET = 'what nobody may read';
/** As Ubuntu's bubblewrap where user namespaces are restricted. */
const REFUSES = "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1";

/** The files that some process has open just now. */
function openPaths(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const fds = readdirSync(`/proc/${pid}/fd`);
        return fds.map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
      } catch {
        return [];
      }
    });
}

interface Place {
  readonly folder: string;
  readonly target: string;
  /** Makes a disk of some format, with content. */
  readonly make: (format: string) => Promise<string>;
}

const test = base.extend<{ place: Place }>({
  // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
  place: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), 'confined, qemu-img '));
    const raw = join(folder, 'raw');
    await writeFile(raw, Buffer.alloc(2 * 1024 ** 2, 'content '));
    await writeFile(join(folder, 'secret'), SECRET.padEnd(1024 ** 2));
    await mkdir(join(folder, 'target'));
    const make = async (format: string): Promise<string> => {
      const path = join(folder, `disk.${format}`);
      await run('qemu-img', ['convert', '-f', 'raw', '-O', format, raw, path]);
      return path;
    };
    await use({ folder, target: join(folder, 'target', 'disk.qcow2'), make });
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  },
});

describe('qemu-img of what came from outside', () => {
  test('reads, measures, converts and checks it', async ({ place }) => {
    const { make, target } = place;
    for (const foreign of ['qcow2', 'raw', 'vmdk', 'vdi', 'vhdx', 'vpc'] as const) {
      const source = await make(foreign);
      expect(await virtualSizeOf(source, { foreign })).toBeGreaterThanOrEqual(2 * 1024 ** 2);
      expect((await measure(source, { foreign })).required).toBeGreaterThan(2 * 1024 ** 2);
      expect(await isHeldByQemu(source, { foreign })).toBe(false);
      let progress = 0;
      const onProgress = (fraction: number): void => void (progress = fraction);
      await convertActive({ source, target, foreign, onProgress });
      expect(progress).toBe(1);
      await checkAndRepairLeaks(target, { foreign: 'qcow2' });
      await run('qemu-img', ['compare', '-f', foreign, '-F', 'qcow2', source, target]);
    }
  });

  // What our own look would have refused: the sandbox is the second wall.
  test('finds no other file, whatever leads to one', async ({ place }) => {
    const { folder, target } = place;
    const secret = join(folder, 'secret');
    const source = join(folder, 'disk');
    const text = (file: string): string =>
      `version=1\nCID=0\nparentCID=ffffffff\ncreateType="monolithicFlat"\nRW 2048 FLAT "${file}" 0\n`;
    for (const file of [secret, 'secret', '/etc/hostname']) {
      await writeFile(source, text(file));
      const attempt = convertActive({ source, target, foreign: 'vmdk' });
      await expect(attempt, file).rejects.toMatchObject({ code: 'TOOL_FAILED' });
      expect((await readFile(target).catch(() => Buffer.alloc(0))).includes(SECRET)).toBe(false);
    }
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', secret, '-F', 'raw', source]);
    const attempt = convertActive({ source, target, foreign: 'qcow2' });
    await expect(attempt).rejects.toMatchObject({ code: 'TOOL_FAILED' });
    // Without the sandbox it would have been read: that is what is at stake.
    await writeFile(source, text(secret));
    await run('qemu-img', ['convert', '-f', 'vmdk', '-O', 'raw', source, join(folder, 'leak')]);
    expect((await readFile(join(folder, 'leak'))).includes(SECRET)).toBe(true);
  });

  test('cannot change what it reads', async ({ place }) => {
    const source = await place.make('qcow2');
    const before = await readFile(source);
    const attempt = convertActive({ source, target: source, foreign: 'qcow2' });
    await expect(attempt).rejects.toMatchObject({ code: 'TOOL_FAILED' });
    expect((await readFile(source)).equals(before)).toBe(true);
  });

  test('has ended when an abort in the middle rejects', async ({ place }) => {
    const source = join(place.folder, 'large');
    await run('sh', ['-c', `yes content | head -c ${256 * 1024 ** 2} >"$0"`, source]);
    const abort = new AbortController();
    const converting = convertActive({
      ...{ source, target: place.target, foreign: 'raw', signal: abort.signal },
      onProgress: () => abort.abort(),
    });
    await expect(converting).rejects.toMatchObject({ code: 'ABORTED' });
    // At once, before anything else can take time.
    expect(openPaths()).not.toContain(place.target);
  });

  test('is told to be in use as one of our own is', async ({ place }) => {
    const source = await place.make('qcow2');
    const { spawn } = await import('node:child_process');
    const holder = spawn('qemu-io', ['-f', 'qcow2', '-c', 'sleep 60000', source]);
    try {
      const isHeld = (): Promise<boolean> => isHeldByQemu(source, { foreign: 'qcow2' });
      await vi.waitUntil(isHeld, { timeout: 20_000 });
    } finally {
      holder.kill('SIGKILL');
    }
  });
});

describe('where bubblewrap does not work', () => {
  test('what our own look has gone through is read all the same', async ({ place }) => {
    const { folder, make, target } = place;
    await replaceProgram(join(folder, 'bin'), 'bwrap', REFUSES);
    for (const foreign of ['qcow2', 'raw'] as const) {
      const source = await make(foreign);
      await convertActive({ source, target, foreign });
      await run('qemu-img', ['compare', '-f', foreign, '-F', 'qcow2', source, target]);
    }
  });

  test('anything else is refused, with what to do', async ({ place }) => {
    const { folder, make, target } = place;
    await replaceProgram(join(folder, 'bin'), 'bwrap', REFUSES);
    for (const foreign of ['vmdk', 'vdi', 'vhdx', 'vpc'] as const) {
      const source = await make(foreign);
      await expect(convertActive({ source, target, foreign })).rejects.toMatchObject({
        code: 'SANDBOX_UNAVAILABLE',
        message: expect.stringContaining('setting up uid map: Permission denied') as string,
        hint: expect.stringContaining(`qemu-img convert -f ${foreign}`) as string,
      });
      await expect(virtualSizeOf(source, { foreign })).rejects.toMatchObject({
        code: 'SANDBOX_UNAVAILABLE',
      });
    }
  });

  test('our own disks are worked with as ever', async ({ place }) => {
    const { folder, make } = place;
    const disk = await make('qcow2');
    await copyFile(disk, join(folder, 'copy'));
    await replaceProgram(join(folder, 'bin'), 'bwrap', REFUSES);
    await checkAndRepairLeaks(disk);
    expect(await virtualSizeOf(disk)).toBe(2 * 1024 ** 2);
  });
});
