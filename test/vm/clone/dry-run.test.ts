import { statfsSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import { initialiseStore } from '../../../src/store/format.js';
import { cloneInstance } from '../../../src/vm/clone/clone-instance.js';
import { openStore, type VirtualMachineStore } from '../../../src/vm/virtual-machine-store.js';
import { canLoopMount, withLoopMount } from '../../support/loop-mount.js';
import { makeInstance, test } from '../../support/store-fixture.js';
import { fingerprint } from '../../support/fingerprint.js';
import { errorOf, expectRefusal } from '../../support/refusal.js';

const KIB = 1024;
const MIB = 1024 ** 2;

const SOURCES = {
  plain: {},
  thin: { thin: true },
  tagged: { tags: 2, thin: true },
  unwritten: { thin: true, data: 0 },
} as const;

/** Plans a clone and makes it: the plan writes nothing, and comes true. */
async function expectTruth(
  store: VirtualMachineStore,
  source: string,
  choices: { linked: boolean; count: number },
): Promise<void> {
  const { layout } = store;
  const request = { layout, source, ...choices };
  const before = await fingerprint(store.root);
  const plan = await cloneInstance({ ...request, dryRun: true });
  expect(await fingerprint(store.root)).toEqual(before);
  const report = await cloneInstance(request);
  expect([plan.dryRun, report.dryRun]).toEqual([true, false]);
  for (const key of ['source', 'snapshot', 'strategy', 'consistency', 'fits'] as const) {
    expect(plan[key], key).toEqual(report[key]);
  }
  // What qemu-img measures is the most that it may come to.
  const slack = 512 * KIB * choices.count;
  expect(plan.bytesToCopy).toBeGreaterThanOrEqual(report.bytesToCopy);
  expect(plan.bytesToCopy - report.bytesToCopy).toBeLessThanOrEqual(slack);
  expect(Math.abs(plan.bytesShared - report.bytesShared)).toBeLessThanOrEqual(slack);
  for (const [at, planned] of plan.clones.entries()) {
    const made = report.clones[at]!;
    expect(planned.name).toBe(made.name);
    expect(planned.atFirstBoot).toEqual(made.atFirstBoot);
    expect(planned.unchanged).toEqual(made.unchanged);
    expect(planned.identity.hostname).toEqual(made.identity.hostname);
    for (const key of ['uuid', 'vmgenid', 'instanceId'] as const) {
      expect(planned.identity[key]).toEqual({ old: made.identity[key].old, new: null });
      expect(made.identity[key].new).not.toBe(made.identity[key].old);
    }
    const macs = made.identity.macs.map((mac) => ({ ...mac, new: null }));
    expect(planned.identity.macs).toEqual(macs);
  }
}

describe('the plan of a clone', () => {
  for (const source of ['plain', 'tagged', 'unwritten'] as const) {
    for (const linked of [false, true]) {
      test(`writes nothing, and comes true: ${source}, linked: ${linked}`, async ({ store }) => {
        await makeInstance(store.layout, source, SOURCES[source]);
        for (const count of [1, 2]) await expectTruth(store, source, { linked, count });
      });
    }
  }

  test('has the names that the clones would get', async ({ store }) => {
    const { layout } = store;
    for (const name of ['web', 'web-clone2']) await makeInstance(layout, name, { data: 0 });
    const about = { layout, source: 'web', dryRun: true } as const;
    const names = async (plan: ReturnType<typeof cloneInstance>): Promise<string[]> =>
      (await plan).clones.map(({ name }) => name);
    expect(await names(cloneInstance({ ...about, name: 'mine' }))).toEqual(['mine']);
    expect(await names(cloneInstance(about))).toEqual(['web-clone1']);
    expect(await names(cloneInstance({ ...about, count: 2 }))).toEqual([
      ...['web-clone1', 'web-clone3'],
    ]);
    expect(await names(cloneInstance({ ...about, count: 2, name: 'n{n}' }))).toEqual([
      ...['n1', 'n2'],
    ]);
  });

  test('is refused where the clone would be', async ({ store }) => {
    const { layout } = store;
    await makeInstance(layout, 'web', { otherTags: ['suspend'] });
    await makeInstance(layout, 'gone', { spec: { deleted: true } });
    await makeInstance(layout, 'taken');
    const plan =
      (source: string, more: object = {}) =>
      (): Promise<unknown> =>
        cloneInstance({ layout, source, dryRun: true, ...more });
    await expectRefusal(store, plan('web'), 'INSTANCE_NOT_STOPPED');
    await expectRefusal(store, plan('gone'), 'INSTANCE_DELETED');
    await expectRefusal(store, plan('nobody'), 'INSTANCE_NOT_FOUND');
    await expectRefusal(store, plan('taken', { name: 'gone' }), 'NAME_TAKEN');
    await expectRefusal(store, plan('taken', { name: '-x' }), 'INVALID_NAME');
    expect(await cloneInstance({ layout, source: 'web', cold: true, dryRun: true })).toMatchObject({
      strategy: 'convert',
      fits: true,
    });
  });

  test('needs no lock, and waits for none', async ({ store }) => {
    const { layout } = store;
    await makeInstance(layout, 'web', { data: 0 });
    const { InstanceLock } = await import('../../../src/store/lock.js');
    const lock = await InstanceLock.take(layout, 'web', { mode: 'exclusive', purpose: 'test' });
    const plan = await cloneInstance({ layout, source: 'web', dryRun: true });
    expect(plan.fits).toBe(true);
    await lock.release();
  });
});

describe.runIf(canLoopMount)('the plan of a clone on a small file system', () => {
  test('tells whether one fits, and whether several do', async () => {
    await withLoopMount('ext4', 64, async (folder) => {
      const store = openStore(`${folder}/store`);
      const { layout } = store;
      await initialiseStore(layout);
      await makeInstance(layout, 'web', { data: 16 });
      await makeInstance(layout, 'tagged', { data: 1, tags: 1 });
      const { bavail, bsize } = statfsSync(folder);
      const spare = bavail * bsize - 24 * MIB;
      await run('fallocate', ['-l', String(spare), `${folder}/filler`]);
      const fits = async (request: object): Promise<boolean> =>
        (await cloneInstance({ layout, source: 'web', count: 1, dryRun: true, ...request })).fits;
      expect(await fits({})).toBe(true);
      expect(await fits({ count: 2 })).toBe(false);
      expect(await fits({ count: 2, linked: true })).toBe(true);
      expect(await fits({ source: 'tagged', count: 3 })).toBe(true);
      expect(await fits({ source: 'tagged', count: 30 })).toBe(false);
      const cloning = cloneInstance({ layout, source: 'web', count: 2 });
      await errorOf(cloning, 'DISK_FULL');
    });
  });

  test('knows that extents are shared where they are', async () => {
    await withLoopMount('xfs', 400, async (folder) => {
      const store = openStore(`${folder}/store`);
      await initialiseStore(store.layout);
      await makeInstance(store.layout, 'web');
      await makeInstance(store.layout, 'tagged', { tags: 1 });
      for (const source of ['web', 'tagged']) {
        for (const linked of [false, true]) await expectTruth(store, source, { linked, count: 2 });
      }
    });
  });
});
