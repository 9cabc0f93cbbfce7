import { readFile, rename, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { recordText } from '../../../src/files/record.js';
import { takeSnapshot } from '../../../src/vm/snapshots/take-snapshot.js';
import { handMadeMac, makeInstance, test } from '../../support/store-fixture.js';
import { errorOf, expectRefusal } from '../../support/refusal.js';
import { snapshotRecord, writeSnapshot } from '../../support/snapshot-record.js';
import { contentOf, tagsOf, writeData } from '../../support/disk-content.js';
import { makeUnfit } from '../../support/run-state.js';

describe('a snapshot', () => {
  test('is of the disk, and of what the instance is like', async ({ store }) => {
    const spec = {
      cpus: 3,
      memory: 2 * 1024 ** 3,
      interfaces: [
        { mac: handMadeMac(), network: null, auto: true },
        { mac: handMadeMac(), network: 'br0', auto: false },
      ] as const,
      mounts: [
        {
          source: '/home',
          target: '/mnt',
          type: 'classic' as const,
          uidMappings: [{ host: 1, guest: -1 }],
          gidMappings: [],
        },
      ],
    };
    const dir = await makeInstance(store.layout, 'web', { spec });
    const vm = await store.get('web');
    const before = await contentOf(dir);
    const record = await vm.snapshot({ name: 'first', comment: 'two\nlines' });
    expect(record).toEqual({
      index: 1,
      name: 'first',
      comment: 'two\nlines',
      parent: 0,
      created: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
      disk: vm.spec.disk,
      instanceId: 'web',
      ...spec,
    });
    const file = await readFile(`${dir.snapshots}/0001.json`, 'utf8');
    expect(file).toBe(recordText(record));
    expect(tagsOf(dir)).toEqual(['@s1']);
    await writeData(dir, 1);
    expect(await contentOf(dir, '@s1')).toBe(before);
    expect(await contentOf(dir)).not.toBe(before);
    const { spec: now } = await store.get('web');
    expect(now).toEqual({ ...vm.spec, snapshotHead: 1 });
  });

  test('descends from the one before, and fills gaps of names, not of numbers', async ({
    store,
  }) => {
    const dir = await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    for (let taken = 0; taken < 3; taken += 1) await vm.snapshot();
    await vm.deleteSnapshot('snapshot2');
    const record = await vm.snapshot();
    expect(record).toMatchObject({ index: 4, name: 'snapshot2', parent: 3 });
    expect(tagsOf(dir)).toEqual(['@s1', '@s3', '@s4']);
  });

  test('never takes the number of a state that nobody has on record', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web', {
      tags: 1,
      otherTags: ['@s3', '@s2', 'x'],
    });
    await writeSnapshot(dir, snapshotRecord(1));
    const before = await contentOf(dir, '@s3');
    expect(await takeSnapshot({ layout: store.layout, name: 'web' })).toMatchObject({
      index: 4,
      name: 'snapshot2',
      parent: 0,
    });
    expect(tagsOf(dir)).toEqual(['@s1', '@s3', '@s2', 'x', '@s4']);
    expect(await contentOf(dir, '@s3')).toBe(before);
  });

  test('says nothing of an instance-id that it does not know', async ({ store }) => {
    await makeInstance(store.layout, 'none', { seed: null });
    const bad = await makeInstance(store.layout, 'bad');
    await writeFile(bad.seed, 'no iso');
    for (const name of ['none', 'bad']) {
      expect(await (await store.get(name)).snapshot()).toMatchObject({ instanceId: null });
    }
  });

  test('is taken of the very same state by many at once, one after the other', async ({
    store,
  }) => {
    const dir = await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    const records = await Promise.all([1, 2, 3, 4].map(() => vm.snapshot()));
    expect(records.map(({ name }) => name).sort()).toEqual(
      tagsOf(dir).map((tag) => `snapshot${tag.slice(2)}`),
    );
    expect((await store.get('web')).spec.snapshotHead).toBe(4);
    const twins = [1, 2].map(() => vm.snapshot({ name: 'twin' }));
    const results = await Promise.allSettled(twins);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });
});

describe('no snapshot', () => {
  test('is taken of what is not stopped', async ({ store }) => {
    const { layout } = store;
    await makeUnfit(layout);
    const refused = { message: 'Multipass can only take snapshots of stopped instances.' };
    for (const [instance, hint] of [
      ['running', '"running" is running: stop it first'],
      ['asleep', '`multipass stop --force asleep`'],
    ] as const) {
      const error = await expectRefusal(
        store,
        () => takeSnapshot({ layout, name: instance }),
        'INSTANCE_NOT_STOPPED',
      );
      expect(error).toMatchObject(refused);
      expect(error.hint).toContain(hint);
    }
    const taken = (instance: string) => () => takeSnapshot({ layout, name: instance });
    await expectRefusal(store, taken('gone'), 'INSTANCE_DELETED');
    await expectRefusal(store, taken('nope'), 'INSTANCE_NOT_FOUND');
    await expectRefusal(store, taken('../web'), 'INSTANCE_NOT_FOUND');
  });

  test('is begun that qemu-img would never take', async ({ store }) => {
    const { layout } = store;
    await makeUnfit(layout);
    const corrupt = () => takeSnapshot({ layout, name: 'corrupt' });
    const error = await errorOf(corrupt(), 'DISK_INVALID');
    expect(error.message).toContain('is marked as corrupt');
    const thin = await makeInstance(layout, 'thin', { thin: true });
    await rename(thin.file('base-image.qcow2'), thin.file('elsewhere'));
    await errorOf(takeSnapshot({ layout, name: 'thin' }), 'DISK_INVALID');
    for (const name of ['corrupt', 'thin']) {
      expect((await store.get(name)).snapshots()).toEqual([]);
    }
  });

  test('gets a name that is taken or is none, or an endless comment', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    await vm.snapshot({ name: 'one' });
    const named = (name: string) => () => vm.snapshot({ name });
    expect(await expectRefusal(store, named('one'), 'SNAPSHOT_EXISTS')).toMatchObject({
      message: 'Snapshot already exists: web.one',
    });
    for (const name of ['', 'a.b', '1', '-n', 'a/b', 'x'.repeat(64)]) {
      expect(await expectRefusal(store, named(name), 'INVALID_NAME')).toMatchObject({
        message: `Invalid snapshot name: "${name}".`,
      });
    }
    const endless = () => vm.snapshot({ comment: 'x'.repeat(65_537) });
    await expectRefusal(store, endless, 'INVALID_ARGUMENT');
  });

  test('is taken when the command was interrupted before', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    await errorOf(vm.snapshot({ work: { signal: AbortSignal.abort() } }), 'ABORTED');
    expect(tagsOf(dir)).toEqual([]);
    expect((await store.get('web')).snapshots()).toEqual([]);
  });
});
