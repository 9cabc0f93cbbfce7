import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { readQcow2 } from '../../src/qemu/qcow2-header.js';
import { convertActive } from '../../src/qemu/qemu-img.js';

const MIB = 1024 * 1024;
let folder: string;
let source: string;
let target: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'convert-'));
  source = join(folder, 'source.qcow2');
  target = join(folder, 'target.qcow2');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function qemuImg(...args: string[]): string {
  return execFileSync('qemu-img', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function create(path: string, ...options: string[]): void {
  qemuImg('create', '-q', '-f', 'qcow2', ...options, path, '64M');
}

function write(path: string, pattern: number, range: string): void {
  execFileSync('qemu-io', ['-f', 'qcow2', '-c', `write -P ${pattern} ${range}`, path]);
}

/** A disk with two snapshots and an active state, each of its own content. */
function createWithSnapshots(...options: string[]): void {
  create(source, ...options);
  write(source, 1, '0 2M');
  qemuImg('snapshot', '-c', '@s1', source);
  write(source, 2, '1M 4M');
  qemuImg('snapshot', '-c', '@s2', source);
  write(source, 3, '8M 1M');
}

/** The same state as `snapshot -a` makes it, on a copy beside the source. */
function appliedCopy(tag: string): string {
  const copy = join(folder, 'applied.qcow2');
  execFileSync('cp', ['--', source, copy]);
  qemuImg('snapshot', '-a', tag, copy);
  return copy;
}

function expectWhole(path: string): void {
  expect(readQcow2(path)).toMatchObject({ version: 3, snapshots: [] });
  expect(qemuImg('check', path)).toContain('No errors');
}

/** Paths that processes of this machine have open. */
function openPaths(): string[] {
  const folders = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return folders.flatMap((pid) => {
    try {
      const fds = readdirSync(`/proc/${pid}/fd`);
      return fds.map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    } catch {
      return [];
    }
  });
}

describe('convertActive', () => {
  it('writes the active state without snapshots, and leaves the source as it was', async () => {
    createWithSnapshots();
    const before = readFileSync(source);
    await convertActive({ source, target });
    expectWhole(target);
    expect(qemuImg('compare', source, target)).toContain('identical');
    expect(readFileSync(source).equals(before)).toBe(true);
  });

  it.each(['@s1', '@s2'])('writes the state of the snapshot %s', async (snapshot) => {
    createWithSnapshots();
    await convertActive({ source, target, snapshot });
    expectWhole(target);
    expect(qemuImg('compare', appliedCopy(snapshot), target)).toContain('identical');
    expect(() => qemuImg('compare', source, target)).toThrow();
  });

  it('gives the size that the disk had when the snapshot was taken', async () => {
    createWithSnapshots();
    qemuImg('resize', '-q', source, '128M');
    write(source, 4, '100M 1M');
    await convertActive({ source, target, snapshot: '@s1' });
    expect(readQcow2(target).virtualSize).toBe(64 * MIB);
    expectWhole(target);
    // Strict: a difference in size counts, too.
    expect(qemuImg('compare', '-s', appliedCopy('@s1'), target)).toContain('identical');
  });

  it('keeps a plain backing name, found from the folder of the target', async () => {
    create(join(folder, 'base-x.qcow2'));
    write(join(folder, 'base-x.qcow2'), 9, '0 32M');
    createWithSnapshots('-b', 'base-x.qcow2', '-F', 'qcow2');
    mkdirSync(join(folder, 'other'));
    target = join(folder, 'other', 'target.qcow2');
    execFileSync('ln', [join(folder, 'base-x.qcow2'), join(folder, 'other', 'base-x.qcow2')]);
    const backing = { file: 'base-x.qcow2', format: 'qcow2' };
    await convertActive({ source, target, backing, snapshot: '@s2' });
    expectWhole(target);
    expect(readQcow2(target)).toMatchObject({
      backingFile: 'base-x.qcow2',
      backingFormat: 'qcow2',
    });
    expect(qemuImg('compare', appliedCopy('@s2'), target)).toContain('identical');
    expect(readFileSync(target).length).toBeLessThan(8 * MIB);
  });

  it('makes a disk whole by itself when no backing is given', async () => {
    create(join(folder, 'base.qcow2'));
    write(join(folder, 'base.qcow2'), 9, '0 16M');
    createWithSnapshots('-b', 'base.qcow2', '-F', 'qcow2');
    await convertActive({ source, target });
    expect(readQcow2(target).backingFile).toBeNull();
    expect(qemuImg('compare', source, target)).toContain('identical');
  });

  it('converts a raw disk, and takes one for raw only when told so', async () => {
    create(target);
    source = join(folder, 'disk.img');
    // A raw disk whose guest wrote a qcow2 header into its first bytes.
    writeFileSync(source, readFileSync(target));
    await convertActive({ source, target, foreign: 'raw' });
    expect(qemuImg('compare', '-f', 'raw', '-F', 'qcow2', source, target)).toContain('identical');
    writeFileSync(source, 'no image');
    const asQcow2 = convertActive({ source, target });
    await expect(asQcow2).rejects.toMatchObject({ code: 'TOOL_FAILED' });
  });

  it.each(['a:b,c.qcow2', 'json:{}', '-x'])('takes %s for a file', async (name) => {
    createWithSnapshots();
    vi.spyOn(process, 'cwd').mockReturnValue(folder);
    await convertActive({ source: 'source.qcow2', target: name });
    await convertActive({ source: name, target });
    expect(qemuImg('compare', source, target)).toContain('identical');
    expect(existsSync(join(folder, name))).toBe(true);
  });

  it('takes a tag with a comma for a tag', async () => {
    createWithSnapshots();
    qemuImg('snapshot', '-c', 'a,snapshot.id=1', source);
    write(source, 5, '0 1M');
    await convertActive({ source, target, snapshot: 'a,snapshot.id=1' });
    const applied = appliedCopy('a,snapshot.id=1');
    expect(qemuImg('compare', applied, target)).toContain('identical');
  });

  it('says SNAPSHOT_NOT_FOUND before it makes anything', async () => {
    createWithSnapshots();
    const missing = convertActive({ source, target, snapshot: '@s3' });
    await expect(missing).rejects.toMatchObject({ code: 'SNAPSHOT_NOT_FOUND' });
    expect(existsSync(target)).toBe(false);
  });

  it('reports its progress from 0 to 1, never backwards', async () => {
    createWithSnapshots();
    const seen: number[] = [];
    await convertActive({ source, target, onProgress: (fraction) => seen.push(fraction) });
    expect(seen.at(-1)).toBe(1);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(seen[0]).toBeGreaterThanOrEqual(0);
  });

  it('reads progress that comes in pieces', async () => {
    const tool = join(folder, 'qemu-img');
    const pieces = ['    (0.00/1', '00%)\\r    (12.', '34/100%)\\r', '    (100.00/100%)\\r\\n'];
    const script = pieces.map((piece) => `printf '${piece.replaceAll('%', '%%')}'; /bin/sleep 0.1`);
    writeFileSync(tool, `#!/bin/sh\n${script.join('\n')}\n`);
    chmodSync(tool, 0o755);
    vi.stubEnv('PATH', folder);
    const seen: number[] = [];
    await convertActive({ source, target, onProgress: (fraction) => seen.push(fraction) });
    expect(seen).toEqual([0, 0.1234, 1]);
  });

  it('has ended qemu-img when an abort in the middle rejects', async () => {
    create(source);
    write(source, 1, '0 64M');
    slowDownConvert();
    const abort = new AbortController();
    const converting = convertActive({ source, target, signal: abort.signal });
    const rejection = expect(converting).rejects.toMatchObject({ code: 'ABORTED' });
    await vi.waitFor(() => expect(openPaths()).toContain(target), { timeout: 30_000 });
    abort.abort();
    await rejection;
    expect(openPaths()).not.toContain(target);
  });

  /** Puts a qemu-img before the real one that converts 4 MiB a second, so that its middle can be met. */
  function slowDownConvert(): void {
    const real = execFileSync('sh', ['-c', 'command -v qemu-img'], { encoding: 'utf8' }).trim();
    const script = `#!/bin/sh\nshift 2 # convert -C\nexec ${real} convert -r 4M "$@"\n`;
    writeFileSync(join(folder, 'qemu-img'), script, { mode: 0o755 });
    vi.stubEnv('PATH', `${folder}:${process.env['PATH'] ?? ''}`);
  }
});
