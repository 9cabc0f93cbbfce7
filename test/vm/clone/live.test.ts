import { lstatSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { afterEach, describe, expect } from 'vitest';
import { openModes } from '../../../src/process/open-files.js';
import { run } from '../../../src/process/run.js';
import { activeHead } from '../../../src/qemu/active-head.js';
import { runStateOf } from '../../../src/qemu/run-state.js';
import type { InstanceDir } from '../../../src/store/instance-dir.js';
import { StoreLayout } from '../../../src/store/layout.js';
import { cloneInstance } from '../../../src/vm/clone/clone-instance.js';
import { readInstance, runningQemu } from '../../../src/vm/read-instance.js';
import type { VirtualMachineStore } from '../../../src/vm/virtual-machine-store.js';
import {
  bootBlank,
  expectPattern,
  killQemu,
  withQmp,
  writeAsGuest,
  type Pattern,
} from '../../support/blank-machine.js';
import { makeInstance, test, type HandMade } from '../../support/store-fixture.js';

/** Real QEMUs without a guest; what a guest would write is written by its drive. */

const CLUSTER = 64 * 1024;
const BEFORE: Pattern = { pattern: 0xa1, offset: 8 * CLUSTER, bytes: 4 * CLUSTER };
/** Into the middle of it: the rest of that cluster has to come from below. */
const OVER: Pattern = { pattern: 0xb2, offset: 9 * CLUSTER + 4096, bytes: 4096 };
const REST: Pattern = { ...BEFORE, offset: 9 * CLUSTER, bytes: 4096 };

const running: InstanceDir[] = [];

afterEach(async () => {
  for (const dir of running.splice(0)) await killQemu(dir);
});

interface Source {
  readonly layout: StoreLayout;
  readonly dir: InstanceDir;
}

/** The instance "web", which runs and has written {@link BEFORE}. */
async function runningWeb(
  { root }: { readonly root: string; readonly store: VirtualMachineStore },
  made: HandMade = {},
): Promise<Source> {
  const layout = new StoreLayout(root);
  const dir = await makeInstance(layout, 'web', {
    data: 1,
    thin: true,
    spec: { memory: 128 * 1024 ** 2 },
    ...made,
  });
  await bootBlank(layout, 'web');
  running.push(dir);
  await writeAsGuest(dir, BEFORE);
  return { layout, dir };
}

/** What the source writes is its own; and each of the clones has what was there before. */
async function expectApart({ layout, dir }: Source, clones: readonly string[]): Promise<void> {
  expect(await withQmp(dir, runStateOf)).toBe('running');
  await writeAsGuest(dir, OVER);
  await killQemu(dir);
  await run('qemu-img', ['check', '-q', dir.disk]);
  for (const pattern of [OVER, REST]) await expectPattern(dir.disk, pattern);
  for (const name of clones) {
    const { disk } = layout.instance(name);
    await run('qemu-img', ['check', '-q', disk]);
    await expectPattern(disk, BEFORE);
  }
}

const basesOf = async (dir: InstanceDir): Promise<string[]> =>
  (await readdir(dir.path)).filter((file) => file.startsWith('base-')).toSorted();

describe('a live linked clone', () => {
  test('leaves QEMU with one head that it writes to', async ({ root, store }) => {
    const web = await runningWeb({ root, store });
    const { layout, dir } = web;
    const old = await stat(dir.disk, { bigint: true });
    const report = await cloneInstance({ layout, source: 'web', linked: true, live: true });
    expect(report).toMatchObject({ strategy: 'linked', consistency: 'crash', bytesToCopy: 0 });
    const pid = runningQemu(dir)!;
    expect([...openModes(pid, await stat(dir.disk, { bigint: true }))!]).toEqual(['write']);
    expect([...openModes(pid, old)!]).toEqual(['read']);
    expect(lstatSync(dir.disk).nlink).toBe(1);
    await expectApart(web, ['web-clone1']);
  });

  test('may be made again and again, of what was written since', async ({ root, store }) => {
    const web = await runningWeb({ root, store });
    const { layout, dir } = web;
    for (const number of [1, 2, 3]) {
      const later = { pattern: number, offset: 30 * CLUSTER, bytes: 4096 };
      await writeAsGuest(dir, later);
      await cloneInstance({ layout, source: 'web', linked: true, live: true });
      await writeAsGuest(dir, { ...later, pattern: 0xff });
      await expectPattern(layout.instance(`web-clone${number}`).disk, later);
    }
    expect(await basesOf(dir)).toHaveLength(4);
    await expectApart(web, ['web-clone1', 'web-clone2', 'web-clone3']);
  });

  test('of a head that has written nothing since makes no further layer', async ({
    root,
    store,
  }) => {
    const { layout, dir } = await runningWeb({ root, store });
    await cloneInstance({ layout, source: 'web', linked: true, live: true });
    const bases = await basesOf(dir);
    await cloneInstance({ layout, source: 'web', linked: true, live: true, count: 3 });
    expect(await basesOf(dir)).toEqual(bases);
    expect(await basesOf(layout.instance('web-clone4'))).toEqual(bases);
    expect(await readdir(dir.runFile('sockets'))).toHaveLength(3);
  });

  test('of a head with snapshots has a base of its own, and they stay', async ({ root, store }) => {
    const web = await runningWeb({ root, store }, { tags: 2 });
    const { layout, dir } = web;
    const report = await cloneInstance({ layout, source: 'web', linked: true, live: true });
    expect(report.strategy).toBe('linked');
    expect((await withQmp(dir, activeHead)).tags).toEqual(['@s1', '@s2']);
    expect(readInstance(layout, 'web-clone1').disk.snapshots).toEqual([]);
    await expectApart(web, ['web-clone1']);
    expect(readInstance(layout, 'web').disk.snapshots.map(({ name }) => name)).toEqual([
      '@s1',
      '@s2',
    ]);
  });
});

describe('a live clone', () => {
  test.for([
    ['on a base', { thin: true }],
    ['on nothing', { thin: false }],
    ['with snapshots', { thin: true, tags: 2 }],
  ] as const)('of a head %s holds that moment', async ([, made], { root, store }) => {
    const web = await runningWeb({ root, store }, made);
    const { layout, dir } = web;
    const disk = readInstance(layout, 'web').spec.disk * 2;
    const request = { layout, source: 'web', live: true, overrides: { disk } };
    const plan = await cloneInstance({ ...request, dryRun: true });
    const report = await cloneInstance(request);
    expect(report.consistency).toBe('crash');
    expect([report.strategy, report.consistency]).toEqual([plan.strategy, plan.consistency]);
    expect(['live', 'reflink']).toContain(report.strategy);
    const copy = readInstance(layout, 'web-clone1');
    expect(copy.disk).toMatchObject({ virtualSize: disk, snapshots: [] });
    expect(copy.image.lineage?.strategy).toBe(report.strategy);
    expect((await withQmp(dir, activeHead)).node).toBe('head');
    await expectApart(web, ['web-clone1']);
  });

  test('of one that is stopped is a clone as ever', async ({ root, store }) => {
    const { layout, dir } = await runningWeb({ root, store });
    await killQemu(dir);
    const report = await cloneInstance({ layout, source: 'web', live: true });
    expect(report.consistency).toBe('stopped');
  });

  test('of a snapshot makes no sense', async ({ root, store }) => {
    const { layout } = await runningWeb({ root, store }, { tags: 1 });
    await expect(
      cloneInstance({ layout, source: 'web', live: true, snapshot: 'snapshot1' }),
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('is what the library makes of a running instance, too', async ({ root, store }) => {
    await runningWeb({ root, store });
    const web = await store.get('web');
    await expect(web.clone('cold')).rejects.toMatchObject({
      code: 'INSTANCE_NOT_STOPPED',
      hint: expect.stringContaining('--live') as string,
    });
    const copy = await web.clone('warm', { live: true, linked: true });
    expect(copy.state).toBe('Stopped');
  });

  test('is refused when somebody has replaced the disk under its QEMU', async ({ root, store }) => {
    const { layout, dir } = await runningWeb({ root, store });
    await run('cp', ['--', dir.disk, `${dir.disk}.mine`]);
    await run('mv', ['--', `${dir.disk}.mine`, dir.disk]);
    await expect(
      cloneInstance({ layout, source: 'web', live: true, linked: true }),
    ).rejects.toMatchObject({ code: 'DISK_INVALID' });
    expect(await withQmp(dir, runStateOf)).toBe('running');
  });

  test('comes to nothing when its QEMU ends in the middle', async ({ root, store }) => {
    const { layout, dir } = await runningWeb({ root, store }, { thin: false });
    const cloning = cloneInstance({
      layout,
      source: 'web',
      live: true,
      work: { onProgress: () => void killQemu(dir) },
    });
    await expect(cloning).rejects.toMatchObject({
      code: expect.stringMatching(/INSTANCE_CHANGED|INSTANCE_NOT_RUNNING|QMP_FAILED/) as string,
    });
    expect(await readdir(layout.instances)).toEqual(['web']);
    expect(await readdir(layout.staging)).toEqual([]);
  });
});
