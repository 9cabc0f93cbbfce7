import { describe, expect } from 'vitest';
import { readFile } from 'node:fs/promises';
import { run } from '../../../src/process/run.js';
import { deleteSnapshot } from '../../../src/vm/snapshots/delete-snapshot.js';
import type { VirtualMachineStore } from '../../../src/vm/virtual-machine-store.js';
import { makeInstance, test } from '../../support/store-fixture.js';
import { errorOf, expectRefusal } from '../../support/refusal.js';
import { snapshotRecord, writeSnapshot } from '../../support/snapshot-record.js';
import { contentOf, contentsOf, tagsOf, writeData } from '../../support/disk-content.js';
import { makeUnfit } from '../../support/run-state.js';

async function treeOf(store: VirtualMachineStore): Promise<Record<string, string | null>> {
  const views = (await store.get('web')).snapshots();
  return Object.fromEntries(views.map(({ record, parent }) => [record.name, parent]));
}

describe('the deletion of a snapshot', () => {
  test('leaves its children to its parent, and all other states as they are', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    const grow = async (name: string): Promise<void> => {
      await vm.snapshot({ name });
      await writeData(dir, tagsOf(dir).length);
    };
    for (const name of ['a', 'b', 'c']) await grow(name);
    await vm.restore('b');
    await writeData(dir, 20);
    for (const name of ['d', 'e']) await grow(name);
    const active = await contentOf(dir);
    const { '@s2': gone, ...others } = await contentsOf(dir);
    expect(Object.values(others)).not.toContain(gone);

    await vm.deleteSnapshot('b');
    expect(await treeOf(store)).toEqual({ a: null, c: 'a', d: 'a', e: 'd' });
    expect(await contentsOf(dir)).toEqual(others);
    expect(await contentOf(dir)).toBe(active);
    expect((await store.get('web')).spec.snapshotHead).toBe(5);

    await vm.deleteSnapshot('a');
    expect(await treeOf(store)).toEqual({ c: null, d: null, e: 'd' });
    await vm.deleteSnapshot('e');
    expect((await store.get('web')).spec.snapshotHead).toBe(4);
    await vm.deleteSnapshot('d');
    expect((await store.get('web')).spec.snapshotHead).toBe(0);
    expect(await contentOf(dir)).toBe(active);
    expect(await contentsOf(dir)).toEqual({ '@s3': others['@s3'] });
    await run('qemu-img', ['check', '-q', dir.disk]);
  });

  test('takes a record whose state is lost, and says so', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web', { tags: 1 });
    await writeSnapshot(dir, snapshotRecord(1));
    await writeSnapshot(dir, snapshotRecord(2));
    const vm = await store.get('web');
    const warnings: string[] = [];
    const onWarning = (warning: string): void => void warnings.push(warning);
    const request = { layout: store.layout, name: 'web', work: { onWarning } };
    await deleteSnapshot({ ...request, snapshot: 'snapshot2' });
    expect(warnings).toEqual([
      expect.stringContaining('did not hold the snapshot "snapshot2" (@s2)'),
    ]);
    expect(await treeOf(store)).toEqual({ snapshot1: null });
    expect(tagsOf(dir)).toEqual(['@s1']);
    await vm.deleteSnapshot('snapshot1');
    expect(warnings).toHaveLength(1);
  });

  test('is possible while the instance sleeps', async ({ store }) => {
    const { layout } = store;
    await makeUnfit(layout);
    await writeSnapshot(layout.instance('asleep'), snapshotRecord(1));
    await deleteSnapshot({ layout, name: 'asleep', snapshot: 'snapshot1' });
    expect(tagsOf(layout.instance('asleep'))).toEqual(['suspend']);
    expect((await store.get('asleep')).state).toBe('Suspended');
  });

  test('is refused for what runs, what is deleted, and what is not there', async ({ store }) => {
    const { layout } = store;
    await makeUnfit(layout);
    for (const name of ['running', 'gone', 'corrupt']) {
      await writeSnapshot(layout.instance(name), snapshotRecord(1));
    }
    const deleting =
      (instance: string, snapshot = 'snapshot1') =>
      () =>
        deleteSnapshot({ layout, name: instance, snapshot });
    const running = await expectRefusal(store, deleting('running'), 'INSTANCE_NOT_STOPPED');
    expect(running.message).toBe('cannot delete snapshots of "running" while it is starting');
    const gone = await expectRefusal(store, deleting('gone'), 'INSTANCE_DELETED');
    expect(gone.message).toBe('Cannot delete snapshots of deleted instances: gone.snapshot1');
    await expectRefusal(store, deleting('nope'), 'INSTANCE_NOT_FOUND');
    const missing = await expectRefusal(store, deleting('asleep', 'x'), 'SNAPSHOT_NOT_FOUND');
    expect(missing.message).toBe('No such snapshot: asleep.x');
    await errorOf(deleting('corrupt')(), 'DISK_INVALID');
    await expect(readFile(layout.instance('corrupt').pending)).rejects.toThrow('ENOENT');
  });
});
