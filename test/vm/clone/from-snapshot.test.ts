import { randomUUID } from 'node:crypto';
import { readdir, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import { readQcow2 } from '../../../src/qemu/qcow2-header.js';
import { recordText } from '../../../src/files/record.js';
import { encodePending } from '../../../src/vm/records/pending-record.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { readSeed } from '../../../src/vm/seed/seed.js';
import { hashTree } from '../../support/hash-tree.js';
import { handMadeMac, makeInstance, test } from '../../support/store-fixture.js';
import { contentOf, tagsOf, writeData } from '../../support/disk-content.js';
import { expectRefusal } from '../../support/refusal.js';
import { snapshotRecord, writeSnapshot } from '../../support/snapshot-record.js';

const GIB = 1024 ** 3;
const MIB = 1024 ** 2;

describe('a clone of a snapshot', () => {
  for (const thin of [false, true]) {
    test(`has the disk of that time, and nothing else of it (thin: ${thin})`, async ({ store }) => {
      const { layout } = store;
      const dir = await makeInstance(layout, 'web', { thin });
      const vm = await store.get('web');
      const contents: string[] = [];
      for (const number of [1, 2]) {
        await writeData(dir, number);
        await vm.snapshot({ name: `snap${number}` });
        contents.push(await contentOf(dir));
      }
      await writeData(dir, 3);
      const before = await hashTree(dir.path);

      for (const [at, content] of contents.entries()) {
        const copy = await vm.clone(`copy${at}`, { snapshot: `snap${at + 1}` });
        const target = layout.instance(copy.name);
        expect(await contentOf(target)).toBe(content);
        expect(tagsOf(target)).toEqual([]);
        expect(copy.snapshots()).toEqual([]);
        expect(copy.spec.snapshotHead).toBe(0);
        expect(copy.image.lineage).toMatchObject({
          sourceName: 'web',
          sourceUuid: vm.spec.uuid,
          snapshot: `snap${at + 1}`,
          strategy: 'convert',
        });
        await run('qemu-img', ['check', '-q', target.disk]);
      }
      expect(await hashTree(dir.path)).toEqual(before);
    });
  }

  test('is what `qemu-img convert -l` makes of it', async ({ store, root }) => {
    const dir = await makeInstance(store.layout, 'web', { tags: 2, thin: true });
    await writeSnapshot(dir, snapshotRecord(1, { name: 'first' }));
    const copy = await (await store.get('web')).clone('copy', { snapshot: 'first' });
    const raw = `${root}.raw`;
    await run('qemu-img', ['convert', '-l', 'snapshot.name=@s1', '-O', 'raw', dir.disk, raw]);
    const { disk } = store.layout.instance(copy.name);
    await run('qemu-img', ['compare', '-f', 'raw', '-F', 'qcow2', raw, disk]);
  });

  test('has the resources, the mounts and the interfaces of that time', async ({ store }) => {
    const { layout } = store;
    const first = { mac: handMadeMac(), network: null, auto: true };
    const extra = { mac: handMadeMac(), network: 'br0', auto: true };
    const mount = { source: '/home/us', target: '/mnt', type: 'classic' as const };
    const mounts = [{ ...mount, uidMappings: [], gidMappings: [] }];
    const dir = await makeInstance(layout, 'web', {
      tags: 1,
      spec: { cpus: 4, memory: 4 * GIB, interfaces: [first] },
    });
    const then = { cpus: 2, memory: 2 * GIB, disk: 64 * MIB, interfaces: [first, extra] };
    await writeSnapshot(dir, snapshotRecord(1, { name: 'then', ...then, mounts }));
    const copy = await (await store.get('web')).clone('copy', { snapshot: 'then' });
    expect(copy.spec).toMatchObject({ cpus: 2, memory: 2 * GIB, disk: 64 * MIB, mounts });
    expect(copy.spec.interfaces.map(({ network }) => network)).toEqual([null, 'br0']);
    const macs = copy.spec.interfaces.map(({ mac }) => mac.toString());
    for (const { mac } of [first, extra]) expect(macs).not.toContain(mac.toString());
    const seed = readSeed(layout.instance('copy').seed) ?? [];
    const network = seed.find(({ name }) => name === 'network-config')?.data.toString();
    for (const mac of macs) expect(network).toContain(mac);
  });

  test('has the size that the disk had then', async ({ store }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web');
    const vm = await store.get('web');
    await vm.snapshot({ name: 'small' });
    const content = await contentOf(dir);
    await run('qemu-img', ['resize', '-q', dir.disk, '128M']);
    const spec = { ...readInstance(layout, 'web').spec, disk: 128 * MIB };
    await writeFile(dir.spec, recordText(spec));
    const copy = await vm.clone('copy', { snapshot: 'small' });
    expect(copy.spec.disk).toBe(64 * MIB);
    expect(readQcow2(layout.instance('copy').disk).virtualSize).toBe(64 * MIB);
    expect(await contentOf(layout.instance('copy'))).toBe(content);
  });

  test('has all of the disk that was larger then than it is now', async ({ store }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web', { thin: true });
    const vm = await store.get('web');
    await vm.snapshot({ name: 'small' });
    await run('qemu-img', ['resize', '-q', dir.disk, '96M']);
    await writeFile(dir.spec, recordText({ ...readInstance(layout, 'web').spec, disk: 96 * MIB }));
    await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 9 80M 1M', dir.disk]);
    const content = await contentOf(dir);
    await vm.snapshot({ name: 'large' });
    await vm.restore('small');
    const before = await hashTree(dir.path);
    for (const linked of [false, true]) {
      const plan = await vm.clone(undefined, { snapshot: 'large', linked, dryRun: true });
      expect(plan.fits).toBe(true);
      const copy = await vm.clone(undefined, { snapshot: 'large', linked });
      expect(copy.spec.disk).toBe(96 * MIB);
      expect(await contentOf(layout.instance(copy.name))).toBe(content);
    }
    expect(await hashTree(dir.path)).toEqual(before);
    const files = await readdir(layout.instance('web-clone1').path);
    expect(files.filter((name) => name.includes('restored'))).toEqual([]);
  });

  test('is made beside others of the same and of another snapshot', async ({ store }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web');
    const vm = await store.get('web');
    await vm.snapshot({ name: 'one' });
    const one = await contentOf(dir);
    await writeData(dir, 7);
    await vm.snapshot({ name: 'two' });
    const two = await contentOf(dir);
    await writeData(dir, 8);
    const wishes = ['one', 'two', 'one', undefined];
    const copies = await Promise.all(
      wishes.map((snapshot) => vm.clone(undefined, snapshot === undefined ? {} : { snapshot })),
    );
    const contents = [one, two, one, await contentOf(dir)];
    for (const [at, { name }] of copies.entries()) {
      expect(await contentOf(layout.instance(name))).toBe(contents[at]);
    }
  });

  test('is there of a suspended source, too: a snapshot is of a stopped machine', async ({
    store,
  }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web', { tags: 1, otherTags: ['suspend'] });
    await writeSnapshot(dir, snapshotRecord(1));
    const vm = await store.get('web');
    expect(vm.state).toBe('Suspended');
    const before = await hashTree(dir.path);
    const copy = await vm.clone('copy', { snapshot: 'snapshot1' });
    expect(copy.state).toBe('Stopped');
    expect(await contentOf(layout.instance('copy'))).toBe(await contentOf(dir, '@s1'));
    expect(await hashTree(dir.path)).toEqual(before);
  });

  test('finishes the taking of that snapshot when it was killed', async ({ store }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web');
    const content = await contentOf(dir);
    const { spec } = readInstance(layout, 'web');
    const record = snapshotRecord(1, { name: 'killed', parent: 0 });
    const pending = encodePending({
      step: { operation: 'snapshot', tag: '@s1' },
      spec: { ...spec, snapshotHead: 1 },
      snapshots: new Map([['0001.json', record]]),
    });
    await writeFile(dir.pending, recordText(pending));
    const vm = await store.get('web');
    expect((await vm.clone('copy', { snapshot: 'killed', dryRun: true })).fits).toBe(true);
    const copy = await vm.clone('copy', { snapshot: 'killed' });
    expect(await contentOf(layout.instance(copy.name))).toBe(content);
    expect(tagsOf(dir)).toEqual(['@s1']);
  });
});

describe('a clone of a snapshot is refused', () => {
  test('when there is none of that name', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web', { tags: 1 });
    await writeSnapshot(dir, snapshotRecord(1));
    const vm = await store.get('web');
    const wanted = `no-${randomUUID().slice(0, 8)}`;
    for (const dryRun of [false, true]) {
      const cloning = (): Promise<unknown> =>
        dryRun
          ? vm.clone(undefined, { snapshot: wanted, dryRun })
          : vm.clone(undefined, { snapshot: wanted });
      const error = await expectRefusal(store, cloning, 'SNAPSHOT_NOT_FOUND');
      expect(error.message).toBe(`No such snapshot: web.${wanted}`);
    }
  });

  test('when the disk has lost it', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web', { tags: 1 });
    await writeSnapshot(dir, snapshotRecord(2, { name: 'lost' }));
    const vm = await store.get('web');
    const cloning = (): Promise<unknown> => vm.clone(undefined, { snapshot: 'lost' });
    const error = await expectRefusal(store, cloning, 'SNAPSHOT_NOT_FOUND');
    expect(error.message).toBe('the disk of "web" has no state of the snapshot "lost" (@s2)');
    expect(error.hint).toContain('`multipass delete --purge web.lost`');
  });
});
