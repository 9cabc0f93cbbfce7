import { lstat, mkdir, readdir, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { InstanceLock } from '../../src/store/lock.js';
import { newToken } from '../../src/store/maker-token.js';
import { StagedInstance } from '../../src/store/staging.js';
import { recordText } from '../../src/files/record.js';
import { followName } from '../../src/vm/run/follow-name.js';
import { encodePending } from '../../src/vm/records/pending-record.js';
import { readInstance } from '../../src/vm/read-instance.js';
import { readSeed } from '../../src/vm/seed/seed.js';
import { renameInstance } from '../../src/vm/rename-instance.js';
import { hashTree } from '../support/hash-tree.js';
import { pretendToRun } from '../support/pretend-to-run.js';
import { makeInstance, test } from '../support/store-fixture.js';
import { test as processTest } from '../support/worker-fixture.js';
import { expectSoundStore } from '../support/sound-store.js';
import { errorOf, expectRefusal } from '../support/refusal.js';

describe('renaming an instance', () => {
  test('leaves everything in its folder as it is', async ({ store }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web', { thin: true });
    const vm = await store.get('web');
    await vm.snapshot({ name: 'first', comment: 'before' });
    await mkdir(dir.run);
    await writeFile(dir.knownHosts, 'the keys of the guest');
    const [before, { ino }] = [await hashTree(dir.path), await lstat(dir.path)];
    const renamed = await vm.rename('shop');
    expect(renamed.name).toBe('shop');
    expect(renamed.spec).toEqual((await store.get('shop')).spec);
    expect(renamed.snapshots().map(({ record }) => record.name)).toEqual(['first']);
    const there = layout.instance('shop');
    expect(await hashTree(there.path)).toEqual(before);
    expect((await lstat(there.path)).ino).toBe(ino);
    expect(await expectSoundStore(layout)).toEqual(['shop']);
    await errorOf(store.get('web'), 'INSTANCE_NOT_FOUND');
  });

  test('has the hostname follow at the next start, under the same instance-id', async ({
    store,
  }) => {
    const { layout } = store;
    await makeInstance(layout, 'web', { data: 0 });
    await renameInstance({ layout, name: 'web', newName: 'shop' });
    const metaData = (): string | undefined =>
      readSeed(layout.instance('shop').seed)
        ?.find(({ name }) => name === 'meta-data')
        ?.data.toString();
    expect(metaData()).toContain('local-hostname: web\n');
    await followName(layout, layout.instance('shop'));
    expect(metaData()).toContain('local-hostname: shop\n');
    expect(metaData()).toContain('instance-id: web\n');
  });

  test('is done with a suspended one, which stays suspended', async ({ store }) => {
    await makeInstance(store.layout, 'web', { otherTags: ['suspend'] });
    expect((await (await store.get('web')).rename('shop')).state).toBe('Suspended');
  });

  test('finishes what is pending first', async ({ store }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web', { tags: 2, data: 0 });
    const { spec } = readInstance(layout, 'web');
    const pending = encodePending({
      step: { operation: 'delete-snapshot', tag: '@s1' },
      spec: { ...spec, snapshotHead: 2 },
      snapshots: new Map([['0001.json', null]]),
    });
    await writeFile(dir.pending, recordText(pending));
    await renameInstance({ layout, name: 'web', newName: 'shop' });
    const { pending: left, disk } = readInstance(layout, 'shop');
    expect(left).toBeUndefined();
    expect(disk.snapshots.map(({ name }) => name)).toEqual(['@s2']);
  });

  test('takes a name whose folder is empty', async ({ store }) => {
    await makeInstance(store.layout, 'web', { data: 0 });
    await mkdir(store.layout.instance('shop').path);
    await (await store.get('web')).rename('shop');
    expect(await readdir(store.layout.instances)).toEqual(['shop']);
  });

  test('frees the old name, and the lock of that', async ({ store }) => {
    const { layout } = store;
    await makeInstance(layout, 'web', { data: 0 });
    const vm = await store.get('web');
    const { uuid } = vm.spec;
    const copy = await (await vm.rename('shop')).clone('web');
    expect(copy.image.lineage).toMatchObject({ sourceName: 'shop', sourceUuid: uuid });
    expect(await expectSoundStore(layout)).toEqual(['shop', 'web']);
  });

  test('waits for whoever holds the lock', async ({ store }) => {
    const { layout } = store;
    await makeInstance(layout, 'web', { data: 0 });
    const lock = await InstanceLock.take(layout, 'web', { mode: 'shared', purpose: 'clone' });
    const order: string[] = [];
    const onWait = (name: string): void => {
      order.push(`waits for ${name}`);
      void lock.release();
    };
    await renameInstance({ layout, name: 'web', newName: 'shop', work: { onWait } });
    order.push('renamed');
    expect(order).toEqual(['waits for web', 'renamed']);
  });

  test('of one instance by several at once is done by one', async ({ store }) => {
    const { layout } = store;
    await makeInstance(layout, 'web', { data: 0 });
    const names = ['a', 'b', 'c', 'd'];
    const outcomes = await Promise.allSettled(
      names.map((newName) => renameInstance({ layout, name: 'web', newName })),
    );
    const winners = names.filter((_, at) => outcomes[at]?.status === 'fulfilled');
    expect(winners).toHaveLength(1);
    const losers = outcomes.flatMap((one) =>
      one.status === 'rejected' ? [one.reason as unknown] : [],
    );
    for (const { code } of losers as { code: string }[]) expect(code).toBe('INSTANCE_NOT_FOUND');
    expect(await expectSoundStore(layout)).toEqual(winners);
  });

  test('of several instances to one name is done with one', async ({ store }) => {
    const { layout } = store;
    const names = ['a', 'b', 'c', 'd'];
    for (const name of names) await makeInstance(layout, name, { data: 0 });
    const outcomes = await Promise.allSettled(
      names.map((name) => renameInstance({ layout, name, newName: 'shop' })),
    );
    const losers = names.filter((_, at) => outcomes[at]?.status === 'rejected');
    expect(losers).toHaveLength(3);
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected')
        expect(outcome.reason).toMatchObject({ code: 'NAME_TAKEN' });
    }
    expect(await expectSoundStore(layout)).toEqual([...losers, 'shop'].toSorted());
  });

  test('of one while others clone it: all clones are whole', async ({ store }) => {
    const { layout } = store;
    await makeInstance(layout, 'web');
    const vm = await store.get('web');
    const [renamed, ...clones] = await Promise.allSettled([
      vm.rename('shop'),
      ...[1, 2, 3].map((n) => vm.clone(`copy${n}`, { linked: n === 2 })),
    ]);
    expect(renamed.status).toBe('fulfilled');
    for (const clone of clones) {
      if (clone.status === 'rejected')
        expect(clone.reason).toMatchObject({ code: 'INSTANCE_NOT_FOUND' });
    }
    await expectSoundStore(layout);
  });
});

describe('renaming an instance is refused', () => {
  test('when it is running or deleted', async ({ store }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web', { data: 0 });
    await makeInstance(layout, 'gone', { data: 0, spec: { deleted: true } });
    await pretendToRun(dir);
    const rename = (name: string, newName: string) => (): Promise<void> =>
      renameInstance({ layout, name, newName });
    await expectRefusal(store, rename('web', 'shop'), 'INSTANCE_NOT_STOPPED');
    await expectRefusal(store, rename('gone', 'shop'), 'INSTANCE_DELETED');
    await expectRefusal(store, rename('nobody', 'shop'), 'INSTANCE_NOT_FOUND');
    await expectRefusal(store, rename('../gone', 'shop'), 'INSTANCE_NOT_FOUND');
  });

  test('when the new name is taken, or cannot be one', async ({ store }) => {
    const { layout } = store;
    await makeInstance(layout, 'web', { data: 0 });
    await makeInstance(layout, 'gone', { data: 0, spec: { deleted: true } });
    await writeFile(layout.instance('file').path, 'a file in the way');
    const vm = await store.get('web');
    for (const name of ['web', 'gone', 'file']) {
      await expectRefusal(store, () => vm.rename(name), 'NAME_TAKEN');
    }
    for (const name of ['', '-x', 'x-', '../x', 'no.dots', 'x'.repeat(64)]) {
      await expectRefusal(store, () => vm.rename(name), 'INVALID_NAME');
    }
  });

  test('before it waits for the lock, when the new name is taken', async ({ store }) => {
    const { layout } = store;
    for (const name of ['web', 'shop']) await makeInstance(layout, name, { data: 0 });
    const lock = await InstanceLock.take(layout, 'web', { mode: 'exclusive', purpose: 'test' });
    const vm = await store.get('web');
    await expectRefusal(store, () => vm.rename('shop'), 'NAME_TAKEN');
    await lock.release();
  });

  test('when another is being prepared under the new name', async ({ store }) => {
    const { layout } = store;
    await makeInstance(layout, 'web', { data: 0 });
    const staged = await StagedInstance.create(layout, 'a-uuid', 'shop');
    const vm = await store.get('web');
    await expectRefusal(store, () => vm.rename('shop'), 'NAME_IN_PREPARATION');
    await staged.discard();
    expect((await vm.rename('shop')).name).toBe('shop');
  });

  test('but not for the record with which somebody publishes several others', async ({ store }) => {
    const { layout } = store;
    await makeInstance(layout, 'web', { data: 0 });
    for (const name of [newToken(), `${newToken()}.commit`]) {
      await writeFile(layout.staged(name), '{"publish": []}');
    }
    const vm = await (await store.get('web')).rename('shop');
    expect((await vm.clone('copy')).name).toBe('copy');
  });

  processTest('but not for one whose maker is dead', async ({ store, start }) => {
    await makeInstance(store.layout, 'web', { data: 0 });
    const worker = start('stage', ['shop']);
    await worker.next();
    await worker.kill();
    expect((await (await store.get('web')).rename('shop')).name).toBe('shop');
    expect(await expectSoundStore(store.layout)).toEqual(['shop']);
  });
});
