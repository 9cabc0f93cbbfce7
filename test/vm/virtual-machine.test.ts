import { readdir, rm, writeFile } from 'node:fs/promises';
import { inspect } from 'node:util';
import { describe, expect } from 'vitest';
import { readQcow2 } from '../../src/qemu/qcow2-header.js';
import { recordText } from '../../src/files/record.js';
import type { Progress } from '../../src/work.js';
import { VirtualMachine } from '../../src/vm/virtual-machine.js';
import { pretendToRun } from '../support/pretend-to-run.js';
import { makeInstance, specOf, test } from '../support/store-fixture.js';
import { fingerprint } from '../support/fingerprint.js';
import { errorOf } from '../support/refusal.js';
import { snapshotRecord, writeSnapshot } from '../support/snapshot-record.js';

describe('a VirtualMachine', () => {
  test('says what its folder says, and writes nothing for that', async ({ store }) => {
    const spec = specOf({ cpus: 3, memory: 2 ** 31, sshUser: 'admin' });
    const dir = await makeInstance(store.layout, 'web', { spec });
    await rm(dir.lock);
    const before = await fingerprint(store.root);
    const vm = await store.get('web');
    expect(vm.name).toBe('web');
    expect(vm.spec).toEqual(spec);
    expect(vm.image).toMatchObject({ release: '24.04 LTS', os: 'Ubuntu', lineage: null });
    expect(vm.state).toBe('Stopped');
    expect(vm.snapshots()).toEqual([]);
    expect(await fingerprint(store.root)).toEqual(before);
  });

  test('is not launched with a size that is none, of which nothing is left', async ({ store }) => {
    const before = await fingerprint(store.root);
    for (const sizes of [{ memory: '1T' }, { disk: 1.5 }]) {
      const launching = store.launch({ image: 'file:///nowhere', ...sizes });
      const { details } = await errorOf(launching, 'INVALID_ARGUMENT');
      expect(details['what']).toBe(Object.keys(sizes)[0]);
    }
    expect(await fingerprint(store.root)).toEqual(before);
  });

  test('takes sizes as numbers and as texts when it is set', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    for (const size of ['1.5G', 1.5 * 2 ** 30]) {
      await store.setSetting('local.web.memory', size);
      expect((await store.get('web')).spec.memory).toBe(1.5 * 2 ** 30);
      await store.setSetting('local.web.memory', '1G');
    }
  });

  test('is opened by the layout of its store, too', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    expect(VirtualMachine.open(store.layout, 'web').name).toBe('web');
  });

  test('knows its state, whatever happened since it was opened', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web');
    await makeInstance(store.layout, 'asleep', { otherTags: ['suspend'] });
    await makeInstance(store.layout, 'gone', { spec: { deleted: true } });
    const vm = await store.get('web');
    const view = vm.view();
    await pretendToRun(dir);
    expect(vm.state).toBe('Starting');
    await writeFile(dir.answered, '');
    expect(vm.state).toBe('Running');
    expect(view.state).toBe('Stopped');
    expect((await store.get('asleep')).state).toBe('Suspended');
    expect((await store.get('gone')).state).toBe('Deleted');
  });

  test('can be written to a log, even when it is gone', async ({ store }) => {
    await makeInstance(store.layout, 'web', { spec: { cpus: 3 } });
    const vm = await store.get('web');
    const { mac } = vm.spec.interfaces[0];
    expect(JSON.parse(JSON.stringify({ vm }))).toMatchObject({
      vm: {
        name: 'web',
        state: 'Stopped',
        spec: { cpus: 3, interfaces: [{ mac: mac.toString() }] },
      },
    });
    expect(inspect([vm])).toBe('[ VirtualMachine(web, Stopped) ]');
    expect(inspect({ mac })).toBe(`{ mac: MacAddress(${mac.toString()}) }`);
    expect(inspect([store])).toBe(`[ VirtualMachineStore(${store.root}) ]`);
    expect(JSON.stringify({ store })).toBe(JSON.stringify({ store: { root: store.root } }));
    await writeFile(store.layout.instance('web').spec, 'no record');
    expect(vm.toJSON()).toMatchObject({
      state: 'Broken',
      problem: { path: 'instances/web/spec.json' },
    });
    expect(inspect(vm)).toBe('VirtualMachine(web, Broken)');
    await vm.purge();
    expect(JSON.stringify(vm)).toBe('{"name":"web"}');
    expect(inspect(vm)).toBe('VirtualMachine(web, gone)');
    expect(() => vm.spec).toThrow('instance "web" does not exist');
  });

  test('shows its snapshots as a tree, in the order they were taken', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web');
    for (const [index, parent] of [
      [10, 2],
      [2, 1],
      [1, 0],
      [3, 1],
    ] as const) {
      await writeSnapshot(dir, snapshotRecord(index, { parent }));
    }
    const views = (await store.get('web')).snapshots();
    expect(views.map(({ record }) => record.name)).toEqual([
      'snapshot1',
      'snapshot2',
      'snapshot3',
      'snapshot10',
    ]);
    expect(views.map(({ parent }) => parent)).toEqual([
      null,
      'snapshot1',
      'snapshot1',
      'snapshot2',
    ]);
    expect(views[0]?.children).toEqual(['snapshot2', 'snapshot3']);
  });

  test('is not to be had by a name that no instance can have', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    for (const name of ['', '.', '..', 'web/', '../store', 'WEB', 'nobody']) {
      const error = await errorOf(store.get(name), 'INSTANCE_NOT_FOUND');
      expect(error.message).toBe(`instance "${name}" does not exist`);
    }
  });
});

describe('clone', () => {
  test('gives a VirtualMachine that can be cloned in its turn', async ({ store }) => {
    await makeInstance(store.layout, 'web', { thin: true, tags: 1 });
    const vm = await store.get('web');
    const copy = await vm.clone('web-2');
    const third = await copy.clone();
    expect(third).toBeInstanceOf(VirtualMachine);
    expect(third.name).toBe('web-2-clone1');
    expect(third.image.lineage).toMatchObject({
      sourceName: 'web-2',
      sourceUuid: copy.spec.uuid,
    });
    const uuids = [vm, copy, third].map(({ spec }) => spec.uuid);
    expect(new Set(uuids).size).toBe(3);
    expect(readQcow2(store.layout.instance(third.name).disk).backingFile).toBe('base-image.qcow2');
  });

  test('tells how it goes on', async ({ store }) => {
    await makeInstance(store.layout, 'web', { tags: 1 });
    const told: Progress[] = [];
    const onProgress = (progress: Progress): number => told.push(progress);
    await (await store.get('web')).clone(undefined, { work: { onProgress } });
    expect(told[0]).toMatchObject({ phase: 'copying', instance: 'web', fraction: null });
    expect(told.at(-1)).toMatchObject({ phase: 'publishing', instance: 'web', fraction: null });
    const fractions = told.map(({ fraction }) => fraction).filter((one) => one !== null);
    expect(fractions.length).toBeGreaterThan(0);
    expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
    expect(fractions.at(-1)).toBe(1);
  });

  test('is of the instance as it is now, not as it was opened', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    await writeFile(dir.spec, recordText({ ...vm.spec, cpus: 7 }));
    expect((await vm.clone()).spec.cpus).toBe(7);
  });

  test('outlives its source', async ({ store }) => {
    await makeInstance(store.layout, 'web', { thin: true });
    const vm = await store.get('web');
    const copy = await vm.clone();
    await vm.purge();
    expect((await copy.clone()).name).toBe('web-clone1-clone1');
    expect(await readdir(store.layout.macs)).toHaveLength(2);
  });
});

describe('delete, recover and purge', () => {
  test('hide an instance, bring it back, and remove it for good', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    await vm.delete();
    expect((await store.get('web')).state).toBe('Deleted');
    await vm.recover();
    expect((await store.get('web')).state).toBe('Stopped');
    await vm.purge();
    await errorOf(store.get('web'), 'INSTANCE_NOT_FOUND');
    expect(await readdir(store.layout.trash)).toEqual([]);
    expect(await readdir(store.layout.macs)).toEqual([]);
  });
});
