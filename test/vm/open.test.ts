import {
  access,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, vi } from 'vitest';
import { run } from '../../src/process/run.js';
import type { MultipassError } from '../../src/errors.js';
import { hasOwnData, readQcow2 } from '../../src/qemu/qcow2-header.js';
import type { InstanceDir } from '../../src/store/instance-dir.js';
import { StoreLayout } from '../../src/store/layout.js';
import { newToken } from '../../src/store/maker-token.js';
import { recordText } from '../../src/files/record.js';
import { encodePending, type PendingOperation } from '../../src/vm/records/pending-record.js';
import { readInstance } from '../../src/vm/read-instance.js';
import { AT_REST, openInstance, type OpenedInstance } from '../../src/vm/open.js';
import { Work, type WorkOptions } from '../../src/work.js';
import { prepareStore } from '../../src/vm/sweep.js';
import { hashTree } from '../support/hash-tree.js';
import { lockIsTried } from '../support/lock-attempt.js';
import { pretendToRun } from '../support/pretend-to-run.js';
import { makeInstance, specOf } from '../support/store-fixture.js';
import { test } from '../support/worker-fixture.js';

async function writePid(dir: InstanceDir, startTime: string): Promise<void> {
  await mkdir(join(dir.path, 'run'), { recursive: true });
  await writeFile(dir.qemuPid, JSON.stringify({ pid: process.pid, startTime }));
}

async function leavePending(dir: InstanceDir, pending: PendingOperation): Promise<void> {
  await writeFile(dir.pending, recordText(encodePending(pending)));
}

afterEach(() => {
  vi.useRealTimers();
});

describe('openInstance, shared', () => {
  test('says that there is no such instance when it has been renamed since it was looked at', async ({
    store: { layout },
  }) => {
    const dir = await makeInstance(layout, 'web', { data: 0, thin: true });
    const opening = openInstance(layout, 'web', {
      for: 'test',
      states: AT_REST,
      hold: 'shared',
      isReady: (reading) => !hasOwnData(reading.dir.disk),
      early: async () => {
        await rename(dir.path, layout.instance('other').path);
      },
      work: Work.of({}),
    });
    await expect(opening).rejects.toMatchObject({ code: 'INSTANCE_NOT_FOUND' });
  });
});

describe('openInstance, after a kill', () => {
  test('removes the half-written records of killed commands, and no file of the user', async ({
    store: { layout },
  }) => {
    const dir = await makeInstance(layout, 'web', { data: 0 });
    const left = ['spec.json.17', 'image-record.json.18', 'pending.json.19'];
    for (const file of [...left, 'mine.json.20']) await writeFile(dir.file(file), '{');
    await mkdir(dir.snapshots);
    await writeFile(join(dir.snapshots, '0001.json.21'), '{');
    await using opened = await openInstance(layout, 'web', {
      for: 'test',
      states: AT_REST,
      work: Work.of({}),
    });
    expect(opened.reading.dir.path).toBe(dir.path);
    const files = await readdir(dir.path);
    expect(files.filter((file) => /\.\d+$/.test(file))).toEqual(['mine.json.20']);
    expect(await readdir(dir.snapshots)).toEqual([]);
  });
});

describe('prepareStore', () => {
  test('makes the store at first use', async ({ root }) => {
    const layout = new StoreLayout(root);
    await prepareStore(layout);
    expect(await readdir(layout.root)).toContain('store.json');
  });

  test('removes what the dead left, their notes too, and waits for nobody', async ({
    store: { layout },
    start,
  }) => {
    const maker = start('stage', ['copy', '5254000000ff']);
    await makeInstance(layout, 'web', { seed: null, data: 0 });
    const holder = start('lock', ['web']);
    await maker.next();
    await holder.next();
    await maker.kill();
    const dead = newToken().split('.').with(4, '1').join('.');
    await writeFile(join(layout.locks, `web@${dead}`), '{}');
    await prepareStore(layout);
    expect(await readdir(layout.staging)).toEqual([]);
    expect(await readdir(layout.macs)).toHaveLength(1);
    const locks = await readdir(layout.locks);
    expect(locks.map((name) => name.split('@')[0]).sort()).toEqual(['web', 'web.lock']);
    expect(locks).not.toContain(`web@${dead}`);
  });
});

/** Opens a stopped instance for a deletion. */
function open(layout: StoreLayout, options: WorkOptions = {}): Promise<OpenedInstance> {
  const work = Work.of(options);
  return openInstance(layout, 'web', { for: 'delete', states: AT_REST, work });
}

describe('openInstance', () => {
  test('holds the exclusive lock until it is released', async ({ store: { layout }, start }) => {
    const dir = await makeInstance(layout, 'web', { seed: null, data: 0 });
    const opened = await open(layout);
    expect(opened.reading).toMatchObject({ name: 'web', state: 'Stopped' });
    const worker = start('lock', ['web', 'shared']);
    const other = worker.next();
    await lockIsTried(dir.lock, { attempt: other, pid: worker.pid });
    await opened[Symbol.asyncDispose]();
    expect(await other).toBe('held');
  });

  test.for([
    [{ deleted: true }, 'INSTANCE_DELETED'],
    [{ deleted: false }, undefined],
  ] as const)(
    'looks at the state again when it has the lock: %j',
    async ([change, code], { store: { layout }, start }) => {
      const dir = await makeInstance(layout, 'web', { seed: null, data: 0 });
      const holder = start('lock', ['web']);
      await holder.next();
      const opening = open(layout).then(
        async (opened) => {
          await opened[Symbol.asyncDispose]();
          return undefined;
        },
        (error: unknown) => (error as MultipassError).code,
      );
      await lockIsTried(dir.lock, { attempt: opening });
      const spec = JSON.parse(await readFile(dir.spec, 'utf8')) as object;
      await writeFile(dir.spec, JSON.stringify({ ...spec, ...change }));
      holder.go();
      expect(await opening).toBe(code);
      // It has not kept the lock of what it was refused.
      if (code !== undefined) expect(await start('lock', ['web']).next()).toBe('held');
    },
  );

  test('finishes what is pending first: the disk, the records, then the end of it', async ({
    store: { layout },
  }) => {
    const spec = specOf();
    const dir = await makeInstance(layout, 'web', { seed: null, data: 0, spec, tags: 1 });
    await mkdir(dir.snapshots);
    await writeFile(join(dir.snapshots, '0001.json'), '{}');
    await leavePending(dir, {
      step: { operation: 'delete-snapshot', tag: '@s1' },
      spec: { ...spec, cpus: 7 },
      snapshots: new Map([['0001.json', null]]),
    });
    const opened = await open(layout);
    await opened[Symbol.asyncDispose]();
    const { reading } = opened;
    expect(reading).toMatchObject({ spec: { cpus: 7 }, pending: undefined });
    expect(reading.disk.snapshots).toEqual([]);
    expect(readInstance(layout, 'web').spec.cpus).toBe(7);
    expect(await readdir(dir.snapshots)).toEqual([]);
    await expect(access(dir.pending)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('keeps the operation pending, and frees the lock, when it cannot be finished', async ({
    store: { layout },
  }) => {
    const dir = await makeInstance(layout, 'web', { seed: null, data: 0 });
    const step = { operation: 'restore', tag: '@s5' } as const;
    await leavePending(dir, { step, spec: null, snapshots: new Map() });
    const before = await hashTree(dir.path);
    await expect(open(layout)).rejects.toMatchObject({
      code: 'TOOL_FAILED',
    });
    expect(await hashTree(dir.path)).toEqual(before);
    expect(await readdir(layout.locks)).toEqual([]);
  });

  test('repairs the disk that a killed QEMU left, and forgets its pid', async ({
    store: { layout },
  }) => {
    const dir = await makeInstance(layout, 'web', { seed: null, data: 0 });
    await writePid(dir, '1');
    await leakCluster(dir.disk);
    await expect(run('qemu-img', ['check', '-q', dir.disk])).rejects.toMatchObject({ exitCode: 3 });
    const opened = await open(layout);
    await opened[Symbol.asyncDispose]();
    const { reading } = opened;
    expect(reading.uncleanEnd).toBe(false);
    await expect(access(dir.qemuPid)).rejects.toMatchObject({ code: 'ENOENT' });
    await run('qemu-img', ['check', '-q', dir.disk]);
  });

  test('refuses one that is running, at once, and touches nothing of it', async ({
    store: { layout },
  }) => {
    const dir = await makeInstance(layout, 'web', { seed: null, data: 0 });
    await rm(dir.lock);
    await pretendToRun(dir);
    const before = await hashTree(layout.root);
    await expect(open(layout)).rejects.toMatchObject({
      code: 'INSTANCE_NOT_STOPPED',
      message: 'cannot delete "web" while it is running',
    });
    expect(await hashTree(layout.root)).toEqual(before);
  });

  test('refuses one that was started while it waited', async ({ store: { layout }, start }) => {
    const dir = await makeInstance(layout, 'web', { seed: null, data: 0 });
    await start('lock', ['web']).next();
    const opening = open(layout);
    const outcome = expect(opening).rejects.toMatchObject({ code: 'INSTANCE_NOT_STOPPED' });
    await lockIsTried(dir.lock, { attempt: opening });
    await pretendToRun(dir);
    await outcome;
  });

  test('finds none any more when it was removed while it waited', async ({
    store: { layout },
    start,
  }) => {
    const dir = await makeInstance(layout, 'web', { seed: null, data: 0 });
    await start('lock', ['web']).next();
    const opening = open(layout);
    const outcome = expect(opening).rejects.toMatchObject({ code: 'INSTANCE_NOT_FOUND' });
    await lockIsTried(dir.lock, { attempt: opening });
    await rename(dir.path, layout.trashed(newToken()));
    await outcome;
    expect(await readdir(layout.instances)).toEqual([]);
  });

  test('tells once who is waited for', async ({ store: { layout }, start }) => {
    const dir = await makeInstance(layout, 'web', { seed: null, data: 0 });
    const holder = start('lock', ['web']);
    await holder.next();
    const told: string[][] = [];
    vi.useFakeTimers({ toFake: ['Date'] });
    const opening = open(layout, {
      onWait: (...words) => {
        told.push(words);
        holder.go();
      },
    });
    await lockIsTried(dir.lock, { attempt: opening });
    expect(told).toEqual([]);
    vi.setSystemTime(Date.now() + 2000);
    const opened = await opening;
    vi.useRealTimers();
    await opened[Symbol.asyncDispose]();
    expect(told).toEqual([['web', expect.stringContaining(`test (pid ${holder.pid})`)]]);
  });

  test('takes an empty folder for nothing, and leaves it empty', async ({ store: { layout } }) => {
    await mkdir(layout.instance('web').path);
    await expect(open(layout)).rejects.toMatchObject({
      code: 'INSTANCE_NOT_FOUND',
    });
    expect(await readdir(layout.instance('web').path)).toEqual([]);
  });

  test('puts no lock through a link', async ({ root, store: { layout } }) => {
    const outside = join(root, '..', 'outside');
    await mkdir(outside);
    await writeFile(join(outside, 'spec.json'), '{}');
    await symlink(outside, layout.instance('web').path);
    await expect(open(layout)).rejects.toMatchObject({
      code: 'INSTANCE_BROKEN',
    });
    expect(await readdir(outside)).toEqual(['spec.json']);
  });

  test('frees the lock of one that turns out to be Broken', async ({ store: { layout } }) => {
    const dir = await makeInstance(layout, 'web', { seed: null, data: 0 });
    await writeFile(dir.spec, '{');
    await expect(open(layout)).rejects.toMatchObject({
      code: 'RECORD_INVALID',
    });
    expect(await readdir(layout.locks)).toEqual([]);
    expect(await readFile(dir.spec, 'utf8')).toBe('{');
  });
});

/** Adds a cluster to the image that is counted, and that nothing refers to: what a killed writer leaks. */
async function leakCluster(disk: string): Promise<void> {
  const bytes = await readFile(disk);
  const { clusterSize } = readQcow2(disk);
  const table = Number(bytes.readBigUInt64BE(48));
  const block = Number(bytes.readBigUInt64BE(table));
  const clusters = Math.ceil(bytes.length / clusterSize);
  bytes.writeUInt16BE(1, block + 2 * clusters);
  await writeFile(disk, bytes);
  await truncate(disk, (clusters + 1) * clusterSize);
}
