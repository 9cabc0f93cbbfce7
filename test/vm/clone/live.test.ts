import { lstatSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { openModes } from '../../../src/process/open-files.js';
import { run } from '../../../src/process/run.js';
import { activeHead } from '../../../src/qemu/active-head.js';
import { runStateOf } from '../../../src/qemu/run-state.js';
import type { InstanceDir } from '../../../src/store/instance-dir.js';
import { cloneInstance } from '../../../src/vm/clone/clone-instance.js';
import { readInstance, runningQemu } from '../../../src/vm/read-instance.js';
import { expectPattern, killQemu, withQmp, writeAsGuest } from '../../support/blank-machine.js';
import { CLUSTER, expectApart, test } from '../../support/running-web.js';

const basesOf = async (dir: InstanceDir): Promise<string[]> =>
  (await readdir(dir.path)).filter((file) => file.startsWith('base-')).toSorted();

describe('a live linked clone', () => {
  test('leaves QEMU with one head that it writes to', async ({ runWeb }) => {
    const web = await runWeb();
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

  test('may be made again and again, of what was written since', async ({ runWeb }) => {
    const web = await runWeb();
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

  test('of a head that has written nothing since makes no further layer', async ({ runWeb }) => {
    const { layout, dir } = await runWeb();
    await cloneInstance({ layout, source: 'web', linked: true, live: true });
    const bases = await basesOf(dir);
    await cloneInstance({ layout, source: 'web', linked: true, live: true, count: 3 });
    expect(await basesOf(dir)).toEqual(bases);
    expect(await basesOf(layout.instance('web-clone4'))).toEqual(bases);
    expect(await readdir(dir.runFile('sockets'))).toHaveLength(3);
  });

  test('of a head with snapshots has a base of its own, and they stay', async ({ runWeb }) => {
    const web = await runWeb({ tags: 2 });
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
  ] as const)('of a head %s holds that moment', async ([, made], { runWeb }) => {
    const web = await runWeb(made);
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

  test('of one that is stopped is a clone as ever', async ({ runWeb }) => {
    const { layout, dir } = await runWeb();
    await killQemu(dir);
    const report = await cloneInstance({ layout, source: 'web', live: true });
    expect(report.consistency).toBe('stopped');
  });

  test('of a snapshot makes no sense', async ({ runWeb }) => {
    const { layout } = await runWeb({ tags: 1 });
    await expect(
      cloneInstance({ layout, source: 'web', live: true, snapshot: 'snapshot1' }),
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('is what the library makes of a running instance, too', async ({ runWeb, store }) => {
    await runWeb();
    const web = await store.get('web');
    await expect(web.clone('cold')).rejects.toMatchObject({
      code: 'INSTANCE_NOT_STOPPED',
      hint: expect.stringContaining('--live') as string,
    });
    const copy = await web.clone('warm', { live: true, linked: true });
    expect(copy.state).toBe('Stopped');
  });

  test('is refused when somebody has replaced the disk under its QEMU', async ({ runWeb }) => {
    const { layout, dir } = await runWeb();
    await run('cp', ['--', dir.disk, `${dir.disk}.mine`]);
    await run('mv', ['--', `${dir.disk}.mine`, dir.disk]);
    await expect(
      cloneInstance({ layout, source: 'web', live: true, linked: true }),
    ).rejects.toMatchObject({ code: 'DISK_INVALID' });
    expect(await withQmp(dir, runStateOf)).toBe('running');
  });

  test('comes to nothing when its QEMU ends in the middle', async ({ runWeb }) => {
    const { layout, dir } = await runWeb({ thin: false });
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
