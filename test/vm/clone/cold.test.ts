import { describe, expect } from 'vitest';
import { hashTree } from '../../support/hash-tree.js';
import { makeInstance, test } from '../../support/store-fixture.js';
import { contentOf, tagsOf } from '../../support/disk-content.js';
import { expectRefusal } from '../../support/refusal.js';

describe('a clone of a suspended source', () => {
  test('is refused with a hint', async ({ store }) => {
    await makeInstance(store.layout, 'web', { otherTags: ['suspend'] });
    const vm = await store.get('web');
    for (const cloning of [() => vm.clone(), () => vm.cloneMany(2)]) {
      const error = await expectRefusal(store, cloning, 'INSTANCE_NOT_STOPPED');
      expect(error.message).toBe('Multipass can only clone stopped instances.');
      expect(error.hint).toContain('--cold');
    }
  });

  test('is the disk without the memory when it is cold, and leaves the source suspended', async ({
    store,
  }) => {
    const { layout } = store;
    const made = { tags: 1, otherTags: ['suspend'], thin: true };
    const dir = await makeInstance(layout, 'web', made);
    const [before, content] = [await hashTree(dir.path), await contentOf(dir)];
    const vm = await store.get('web');
    const copy = await vm.clone('copy', { cold: true });
    expect(copy.state).toBe('Stopped');
    expect(tagsOf(layout.instance('copy'))).toEqual([]);
    expect(await contentOf(layout.instance('copy'))).toBe(content);
    expect(await hashTree(dir.path)).toEqual(before);
    expect((await store.get('web')).state).toBe('Suspended');
    expect((await vm.cloneMany(2, 'many-{n}', { cold: true })).map(({ state }) => state)).toEqual([
      'Stopped',
      'Stopped',
    ]);
  });

  test('means nothing for a stopped one, and refuses a deleted one as ever', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    expect((await vm.clone(undefined, { cold: true })).state).toBe('Stopped');
    await vm.delete();
    await expectRefusal(store, () => vm.clone(undefined, { cold: true }), 'INSTANCE_DELETED');
  });
});
