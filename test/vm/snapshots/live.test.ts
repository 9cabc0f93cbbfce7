import { setTimeout as pause } from 'node:timers/promises';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { replaceRecord } from '../../../src/files/record.js';
import { run } from '../../../src/process/run.js';
import { activeHead } from '../../../src/qemu/active-head.js';
import type { QmpClient } from '../../../src/qemu/qmp-client.js';
import { runStateOf } from '../../../src/qemu/run-state.js';
import { initialiseStore } from '../../../src/store/format.js';
import type { InstanceDir } from '../../../src/store/instance-dir.js';
import { lockMounts } from '../../../src/vm/lock-instance.js';
import { readInstance, runningQemu } from '../../../src/vm/read-instance.js';
import { encodePending } from '../../../src/vm/records/pending-record.js';
import type { SnapshotRecord } from '../../../src/vm/records/snapshot-record.js';
import { endLive } from '../../../src/vm/run/end-live.js';
import { openStore } from '../../../src/vm/virtual-machine-store.js';
import { Work } from '../../../src/work.js';
import {
  bootBlank,
  expectPattern,
  killQemu,
  withQmp,
  writeAsGuest,
} from '../../support/blank-machine.js';
import { tagsOf } from '../../support/disk-content.js';
import { fillUp } from '../../support/fill-up.js';
import { canLoopMount, withLoopMount } from '../../support/loop-mount.js';
import { BEFORE, OVER, REST, test, type RunningWeb } from '../../support/running-web.js';
import { snapshotRecord } from '../../support/snapshot-record.js';
import { makeInstance } from '../../support/store-fixture.js';

/** What is on record while a live snapshot is being taken. */
async function begin({ dir }: Pick<RunningWeb, 'dir'>, record: SnapshotRecord): Promise<void> {
  const step = {
    operation: 'live-snapshot',
    tag: '@s1',
    record,
    resume: true,
    thaw: false,
  } as const;
  await replaceRecord(dir.pending, encodePending({ step, spec: null, snapshots: new Map() }));
}

const HALF_DONE: SnapshotRecord = snapshotRecord(1, { name: 'hot', consistency: 'crash' });

async function tagByQemu({ dir }: Pick<RunningWeb, 'dir'>): Promise<void> {
  await withQmp(dir, async (client) => {
    const { node: device } = await activeHead(client);
    await client.execute('blockdev-snapshot-internal-sync', { device, name: '@s1' });
  });
}

describe('a live snapshot', () => {
  test('is of the disk at that moment, and the guest runs on', async ({ runWeb, store }) => {
    const { dir } = await runWeb();
    const web = await store.get('web');
    const record = await web.snapshot({ name: 'hot', live: true });
    expect(record).toMatchObject({ index: 1, name: 'hot', parent: 0, consistency: 'crash' });
    expect(await withQmp(dir, runStateOf)).toBe('running');
    await writeAsGuest(dir, OVER);
    const { snapshots } = await store.snapshots();
    expect(snapshots.map((one) => one.record)).toEqual([record]);
    expect((await store.get('web')).spec.snapshotHead).toBe(1);
    await killQemu(dir);
    await run('qemu-img', ['check', '-q', '-U', dir.disk]);
    await expectPattern(dir.disk, OVER);
    const copy = await web.clone('copy', { snapshot: 'hot' });
    await expectPattern(store.layout.instance(copy.name).disk, BEFORE);
    await web.restore('hot');
    await expectPattern(dir.disk, BEFORE);
    await run('qemu-img', ['check', '-q', dir.disk]);
  });

  test('is refused unless it is asked for', async ({ runWeb, store }) => {
    await runWeb();
    await expect((await store.get('web')).snapshot()).rejects.toMatchObject({
      code: 'INSTANCE_NOT_STOPPED',
      message: 'Multipass can only take snapshots of stopped instances.',
      hint: expect.stringContaining('multipass snapshot --live') as string,
    });
  });

  test('has its place in the tree, on a head of a live clone, too', async ({ runWeb, store }) => {
    const { dir, layout } = await runWeb();
    const web = await store.get('web');
    await web.clone('first', { live: true, linked: true });
    for (const name of ['a', 'b', 'c']) {
      await writeAsGuest(dir, { ...OVER, pattern: name.charCodeAt(0) });
      await web.snapshot({ name, live: true });
    }
    await web.clone('second', { live: true, linked: true });
    await killQemu(dir);
    await web.restore('a');
    await bootBlank(layout, 'web');
    await web.snapshot({ name: 'd', live: true });
    await killQemu(dir);
    const tree = (await store.snapshots()).snapshots.map((one) => [one.record.name, one.parent]);
    expect(tree).toEqual([
      ['a', null],
      ['b', 'a'],
      ['c', 'b'],
      ['d', 'a'],
    ]);
    await web.deleteSnapshot('a');
    await web.deleteSnapshot('c');
    for (const name of ['b', 'd']) {
      await web.restore(name);
      const pattern = (name === 'b' ? name : 'a').charCodeAt(0);
      await expectPattern(dir.disk, { ...OVER, pattern });
      await expectPattern(dir.disk, REST);
    }
    await run('qemu-img', ['check', '-q', dir.disk]);
    await expectPattern(layout.instance('first').disk, BEFORE);
    await expectPattern(layout.instance('second').disk, { ...OVER, pattern: 'c'.charCodeAt(0) });
  });

  test('of one that is stopped is a snapshot as ever', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    const record = await (await store.get('web')).snapshot({ live: true });
    expect('consistency' in record).toBe(false);
  });

  test('leaves alone what changes the spec meanwhile', async ({ runWeb, store }) => {
    const { dir } = await runWeb();
    const web = await store.get('web');
    const lock = await lockMounts(dir, Work.of());
    const taking = web.snapshot({ live: true });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await replaceRecord(dir.spec, { ...web.spec, autostart: true });
    await lock.release();
    const { index } = await taking;
    const { spec } = await store.get('web');
    expect(spec).toEqual({ ...web.spec, autostart: true, snapshotHead: index });
  });

  test('is refused when somebody has replaced the disk under its QEMU', async ({
    runWeb,
    store,
  }) => {
    const { dir } = await runWeb();
    await run('cp', ['--', dir.disk, `${dir.disk}.mine`]);
    await run('mv', ['--', `${dir.disk}.mine`, dir.disk]);
    const taking = (await store.get('web')).snapshot({ live: true });
    await expect(taking).rejects.toMatchObject({ code: 'DISK_INVALID' });
    expect((await withQmp(dir, activeHead)).tags).toEqual([]);
  });
});

describe('a live snapshot that was left half done', () => {
  test.for([
    ['before QEMU had it', false],
    ['after QEMU had it', true],
  ] as const)('%s is ended by the guard', async ([, isTaken], { runWeb, store, root }) => {
    const web = await runWeb();
    await begin(web, HALF_DONE);
    if (isTaken) await tagByQemu(web);
    // Nobody sees the half of it.
    expect((await store.snapshots()).snapshots).toEqual([]);
    expect((await store.snapshots()).strays).toEqual([]);
    await endLive(root, 'web');
    const { snapshots, strays } = await store.snapshots();
    expect(snapshots.map(({ record }) => record)).toEqual(isTaken ? [HALF_DONE] : []);
    expect(strays).toEqual([]);
    expect(readInstance(web.layout, 'web')).toMatchObject({
      pending: undefined,
      spec: { snapshotHead: isTaken ? 1 : 0 },
    });
  });

  test.for([
    ['before QEMU had it', false],
    ['after QEMU had it', true],
  ] as const)('%s, with QEMU gone, by the next command', async ([, isTaken], { runWeb, store }) => {
    const web = await runWeb();
    await begin(web, HALF_DONE);
    if (isTaken) await tagByQemu(web);
    await killQemu(web.dir);
    const next = await (await store.get('web')).snapshot({ name: 'next' });
    expect(next).toMatchObject(isTaken ? { index: 2, parent: 1 } : { index: 1, parent: 0 });
    expect(tagsOf(web.dir)).toEqual(isTaken ? ['@s1', '@s2'] : ['@s1']);
    await run('qemu-img', ['check', '-q', web.dir.disk]);
  });

  test('is ended before the next one is taken', async ({ runWeb, store }) => {
    const web = await runWeb();
    await begin(web, HALF_DONE);
    await tagByQemu(web);
    const next = await (await store.get('web')).snapshot({ live: true });
    expect(next).toMatchObject({ index: 2, parent: 1, name: 'snapshot1' });
  });
});

describe('a live snapshot with memory', () => {
  test('is what a restore goes on from', async ({ runWeb, store }) => {
    const { dir, layout } = await runWeb();
    const web = await store.get('web');
    await web.snapshot({ name: 'cold', live: true });
    const before = await onceItTicks(dir);
    await web.snapshot({ name: 'hot', live: true, memory: true });
    const taken = performance.now();
    expect(await withQmp(dir, runStateOf)).toBe('running');
    expect(web.snapshots().map((one) => [one.record.name, one.hasMemory])).toEqual([
      ['cold', false],
      ['hot', true],
    ]);
    await writeAsGuest(dir, OVER);
    await killQemu(dir);
    await run('qemu-img', ['check', '-q', '-U', dir.disk]);
    await web.clone('copy', { snapshot: 'hot' });
    await expectPattern(layout.instance('copy').disk, BEFORE);
    expect(readInstance(layout, 'copy').disk.snapshots).toEqual([]);
    await pause(Math.max(0, STANDSTILL_MS - (performance.now() - taken)));
    const restoring = performance.now();
    // It runs then, and nobody has a key of it.
    await expect(web.restore('hot')).rejects.toMatchObject({ code: 'SSH_FAILED' });
    expect(web.state).toBe('Starting');
    const ticks = await withQmp(dir, ticksOf);
    // One that has just booted begins with the time of the day, which has gone on.
    const ranMs = taken - before.at + (performance.now() - restoring);
    expect(ticks).toBeGreaterThanOrEqual(before.ticks);
    expect(ticks).toBeLessThanOrEqual(
      before.ticks + Math.ceil((ranMs / 1000) * TICKS_A_SECOND) + 1,
    );
    expect(tagsOf(dir)).toEqual(['@s1', '@s2']);
    await killQemu(dir);
    await expectPattern(dir.disk, BEFORE);
    expect(await web.restore('cold')).toBe(false);
    await web.deleteSnapshot('hot');
    await run('qemu-img', ['check', '-q', dir.disk]);
  });

  test('whose machine was another one gives its disk back', async ({ runWeb, store }) => {
    const { dir } = await runWeb();
    const web = await store.get('web');
    await web.snapshot({ name: 'hot', live: true, memory: true });
    await writeAsGuest(dir, OVER);
    await killQemu(dir);
    const { record } = web.snapshots()[0]!;
    const machine = { ...record.machine!, uuid: '0f0f0f0f-0000-4000-8000-000000000000' };
    await replaceRecord(join(dir.snapshots, '0001.json'), { ...record, machine });
    const warnings: string[] = [];
    const work = { onWarning: (text: string): number => warnings.push(text) };
    expect(await web.restore('hot', { work })).toBe(false);
    expect(warnings).toEqual([
      'the memory of "web" is another machine\'s: its disk is restored, and it is stopped',
    ]);
    await expectPattern(dir.disk, BEFORE);
    expect(web.state).toBe('Stopped');
  });

  test('stays whole when QEMU is killed while it loads it', async ({ runWeb, store }) => {
    const { dir, layout } = await runWeb();
    const web = await store.get('web');
    await web.snapshot({ name: 'hot', live: true, memory: true });
    await killQemu(dir);
    for (const delay of [0, 40, 80, 120, 160]) {
      const restoring = web.restore('hot').catch(() => undefined);
      while (runningQemu(dir) === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
      await new Promise((resolve) => setTimeout(resolve, delay));
      await killQemu(dir);
      await restoring;
      await killQemu(dir);
      await bootBlank(layout, 'web');
      // Into what the snapshot holds, too.
      await writeAsGuest(dir, OVER);
      await killQemu(dir);
      for (const pattern of [OVER, REST]) await expectPattern(dir.disk, pattern);
      const copy = await web.clone(`copy-${delay}`, { snapshot: 'hot' });
      await expectPattern(layout.instance(copy.name).disk, BEFORE);
    }
    await run('qemu-img', ['check', '-q', '-r', 'leaks', dir.disk]);
    await run('qemu-img', ['check', '-q', dir.disk]);
  });

  test('does not travel', async ({ runWeb, store, root }) => {
    const { dir } = await runWeb();
    const web = await store.get('web');
    await web.snapshot({ name: 'hot', live: true, memory: true });
    await killQemu(dir);
    await expect(web.export(`${root}.tar`)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: '"web" has 1 snapshot with memory, which does not travel',
    });
    await web.export(`${root}.tar`, { snapshot: 'hot' });
  });

  test('wants an instance that runs', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    const web = await store.get('web');
    await expect(web.snapshot({ live: true, memory: true })).rejects.toMatchObject({
      code: 'INSTANCE_NOT_RUNNING',
    });
    await expect(web.snapshot({ memory: true })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });
});

const TICKS_A_SECOND = 18.2065;
/** Longer than a restore takes. */
const STANDSTILL_MS = 10_000;

/**
 * Waits until the firmware counts. It sets its counter from the time of the day first, with an overflow late in the
 * evening: so it is known by going on from what it was set to, not by its value.
 */
async function onceItTicks(dir: InstanceDir): Promise<{ ticks: number; at: number }> {
  return await vi.waitFor(async () => {
    const first = await withQmp(dir, ticksOf);
    await pause(200);
    const ticks = await withQmp(dir, ticksOf);
    expect(first).toBeGreaterThan(0);
    expect(ticks - first).toBeGreaterThan(0);
    expect(ticks - first).toBeLessThan(TICKS_A_SECOND * 10);
    return { ticks, at: performance.now() };
  }, 20_000);
}

/** The time of the day, as the firmware has counted it since it has begun. */
async function ticksOf(client: QmpClient): Promise<number> {
  const said = await client.execute('human-monitor-command', { 'command-line': 'xp /1dw 0x46c' });
  return Number(/: *(\d+)/.exec(String(said))?.[1]);
}

describe.runIf(canLoopMount)('a live snapshot on a full disk', () => {
  it.for([
    ['of its disk', false],
    ['with its memory', true],
  ] as const)('%s has not happened, and the guest runs on', async ([, memory]) => {
    await withLoopMount('ext4', 64, async (folder) => {
      const store = openStore(join(folder, 'store'));
      const { layout } = store;
      await initialiseStore(layout);
      const dir = await makeInstance(layout, 'web', {
        data: 1,
        spec: { memory: 128 * 1024 ** 2 },
      });
      await bootBlank(layout, 'web');
      try {
        const web = await store.get('web');
        fillUp(folder);
        const taking = web.snapshot({ live: true, memory });
        await expect(taking).rejects.toMatchObject({ code: 'DISK_FULL' });
        expect(await withQmp(dir, runStateOf)).toBe('running');
        expect((await withQmp(dir, activeHead)).tags).toEqual([]);
        await rm(join(folder, 'filler'));
        expect(await web.snapshot({ live: true, memory })).toMatchObject({ index: 1 });
      } finally {
        await killQemu(dir);
      }
      // What a killed QEMU leaves is put in order first.
      expect(await (await store.get('web')).snapshot()).toMatchObject({ parent: 1 });
      await run('qemu-img', ['check', '-q', dir.disk]);
    });
  });
});
