import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findProgram } from '../../src/process/programs.js';
import { run } from '../../src/process/run.js';
import { initialiseStore } from '../../src/store/format.js';
import { StoreLayout } from '../../src/store/layout.js';
import { importAny } from '../../src/vm/foreign/import-any.js';
import { handOver } from '../../src/vm/outward/hand-over.js';
import { convertTo, makeRaw } from '../vm/foreign/support.js';

/** Its daemon is root's, and other distributions than Debian have it as no package. */
const HAS_LXD = process.getuid?.() === 0 && findProgram('lxd') !== undefined;

let folder: string;
let layout: StoreLayout;
let raw: string;
let handedOver: string;
let daemon: ChildProcess;

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, LXD_DIR: join(folder, 'lxd'), LXD_CONF: join(folder, 'config') };
}

/** A program of LXD, for the daemon of this test alone. */
async function say(program: 'lxc' | 'lxd', ...words: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, words, { env: environment() });
  return stdout;
}

async function sha256(...files: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const file of files) hash.update(await readFile(file));
  return hash.digest('hex');
}

/** What LXD says of an image that it has imported. */
async function imported(alias: string, ...files: readonly string[]): Promise<unknown> {
  const said = await say('lxc', 'image', 'import', ...files, '--alias', alias);
  const [fingerprint = ''] = /[0-9a-f]{64}/.exec(said) ?? [];
  return JSON.parse(await say('lxc', 'query', `/1.0/images/${fingerprint}`));
}

/** What LXD exports of an image, in a folder of its own. */
async function exported(alias: string, name = ''): Promise<string> {
  const target = join(folder, `export-${alias}-${name}`);
  await mkdir(target);
  await say('lxc', 'image', 'export', alias, `${target}/${name}`);
  return target;
}

async function comesBack(from: string, name: string): Promise<void> {
  const report = await importAny({ layout, from, name });
  expect(report).toMatchObject({ kind: 'incus' });
  const { disk } = layout.instance(name);
  await run('qemu-img', ['compare', '-q', '-f', 'qcow2', '-F', 'raw', disk, raw]);
}

describe.runIf(HAS_LXD)('an image for LXD', () => {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'multipass-ts-lxd-'));
    await mkdir(join(folder, 'lxd'));
    layout = new StoreLayout(join(folder, 'store'));
    await initialiseStore(layout);
    raw = await makeRaw(join(folder, 'disk.img'));
    const from = await convertTo('qcow2', [raw, join(folder, 'web.qcow2')]);
    await importAny({ layout, from, name: 'web' });
    handedOver = join(folder, 'handed-over');
    await handOver({ layout, name: 'web', engine: 'incus', folder: handedOver });
    daemon = spawn('lxd', ['--group', 'root'], { env: environment(), stdio: 'ignore' });
    await say('lxd', 'waitready', '--timeout', '60');
    await say('lxc', 'storage', 'create', 'default', 'dir');
  });

  afterAll(async () => {
    const ended = once(daemon, 'exit');
    await say('lxd', 'shutdown', '--timeout', '30').catch(() => daemon.kill('SIGKILL'));
    await ended;
    // A daemon that was killed has not done so.
    for (const name of ['devlxd', 'shmounts']) {
      await run('umount', ['-l', join(folder, 'lxd', name)]).catch(() => undefined);
    }
    await rm(folder, { recursive: true, force: true });
  });

  const is = (fingerprint: string) => ({
    fingerprint,
    type: 'virtual-machine',
    architecture: process.arch === 'x64' ? 'x86_64' : 'aarch64',
    properties: { name: 'web' },
  });

  it('is taken as its two files, by their digest, and comes back', async () => {
    const files = ['metadata.tar', 'disk.qcow2'].map((name) => join(handedOver, name));
    const fingerprint = await sha256(...files);
    expect(await imported('split', ...files)).toMatchObject(is(fingerprint));
    const folders = [await exported('split'), await exported('split', 'named')];
    expect(await readdir(folders[0]!)).toEqual([`${fingerprint}.qcow2`, `meta-${fingerprint}.tar`]);
    expect(await readdir(folders[1]!)).toEqual(['named', 'named.root']);
    for (const [index, from] of folders.entries()) await comesBack(from, `split-${index}`);
    const [one, other] = folders;
    for (const name of await readdir(other!)) await copyFile(join(other!, name), join(one!, name));
    await expect(importAny({ layout, from: one!, name: 'either' })).rejects.toMatchObject({
      code: 'ARTIFACT_INVALID',
      message: expect.stringContaining('there are 2 images in it') as string,
    });
  });

  it('is taken as one archive, by its digest, and comes back', async () => {
    const parts = join(folder, 'parts');
    await mkdir(parts);
    await run('tar', ['-xf', join(handedOver, 'metadata.tar'), '-C', parts]);
    await copyFile(join(handedOver, 'disk.qcow2'), join(parts, 'rootfs.img'));
    const tar = join(folder, 'unified.tar.gz');
    await run('tar', ['-czf', tar, '-C', parts, 'metadata.yaml', 'rootfs.img']);
    const fingerprint = await sha256(tar);
    expect(await imported('unified', tar)).toMatchObject(is(fingerprint));
    const [name = ''] = await readdir(await exported('unified'));
    const back = join(folder, 'export-unified-', name);
    expect(await sha256(back)).toBe(fingerprint);
    await comesBack(back, 'unified');
  });
});
