import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, rename, symlink, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { newToken } from '../../../src/store/maker-token.js';
import { StagedInstance } from '../../../src/store/staging.js';
import { cloneInstance } from '../../../src/vm/clone/clone-instance.js';
import type { Progress } from '../../../src/work.js';
import type { VirtualMachineStore } from '../../../src/vm/virtual-machine-store.js';
import { makeInstance, test } from '../../support/store-fixture.js';
import { fingerprint } from '../../support/fingerprint.js';
import { errorOf, expectRefusal } from '../../support/refusal.js';

const UUID = '00000000-0000-4000-8000-000000000000';
/** Above the highest pid that Linux gives. */
const DEAD_PID = '4194305';

async function cloneOf(store: VirtualMachineStore, source: string, name?: string): Promise<string> {
  return (await (await store.get(source)).clone(name)).name;
}

describe('the name that a clone gets by itself', () => {
  test('is the first free one, so that gaps are used again', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    expect(await cloneOf(store, 'web')).toBe('web-clone1');
    expect(await cloneOf(store, 'web')).toBe('web-clone2');
    expect(await cloneOf(store, 'web')).toBe('web-clone3');
    await (await store.get('web-clone2')).purge();
    expect(await cloneOf(store, 'web')).toBe('web-clone2');
    expect(await cloneOf(store, 'web')).toBe('web-clone4');
  });

  test('passes over names of whatever is there, deleted or broken', async ({ store }) => {
    const { layout } = store;
    await makeInstance(layout, 'web');
    await makeInstance(layout, 'web-clone1', { spec: { deleted: true }, data: 0 });
    await mkdir(layout.instance('web-clone2').path);
    await writeFile(layout.instance('web-clone2').spec, 'broken');
    await writeFile(layout.instance('web-clone3').path, 'a file');
    await symlink('/nowhere', layout.instance('web-clone4').path);
    expect(await cloneOf(store, 'web')).toBe('web-clone5');
    expect((await store.get('web-clone1')).state).toBe('Deleted');
  });

  test('is made from the name of a clone as from any other', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    await cloneOf(store, 'web');
    expect(await cloneOf(store, 'web-clone1')).toBe('web-clone1-clone1');
    expect(await cloneOf(store, 'web')).toBe('web-clone2');
  });

  test('is refused when it comes out longer than a hostname may be', async ({ store }) => {
    const long = 'w'.repeat(60);
    await makeInstance(store.layout, long);
    const vm = await store.get(long);
    const error = await expectRefusal(store, () => vm.clone(), 'INVALID_NAME');
    expect(error.message).toBe(`Invalid destination instance name: ${long}-clone1`);
    expect(error.hint).toContain('63');
  });
});

describe('the name that a clone is given', () => {
  test('may not be empty, too long, or anything but letters, digits and hyphens', async ({
    store,
  }) => {
    await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    const long = 'w'.repeat(64);
    for (const name of ['', long, '-web', 'web-', '2web', 'we_b', 'we.b', '../web', 'wéb', 'a b']) {
      const error = await expectRefusal(store, () => vm.clone(name), 'INVALID_NAME');
      expect(error.message).toBe(`Invalid destination instance name: ${name}`);
    }
  });

  test('may have 63 characters, upper case and several hyphens', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    const name = `W--${'e'.repeat(59)}2`;
    expect(await cloneOf(store, 'web', name)).toBe(name);
  });

  test('is taken by an instance that is deleted', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    await makeInstance(store.layout, 'old', { spec: { deleted: true } });
    const vm = await store.get('web');
    const error = await expectRefusal(store, () => vm.clone('old'), 'NAME_TAKEN');
    expect(error.message).toBe('instance "old" already exists');
    expect(error.hint).toContain('purge');
    await (await store.get('old')).purge();
    expect(await cloneOf(store, 'web', 'old')).toBe('old');
  });

  test('is taken by a file and by a link that leads nowhere', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    await writeFile(store.layout.instance('file').path, '');
    await symlink('/nowhere', store.layout.instance('link').path);
    const vm = await store.get('web');
    const phases: string[] = [];
    const onProgress = ({ phase }: Progress): number => phases.push(phase);
    await expectRefusal(store, () => vm.clone('file', { work: { onProgress } }), 'NAME_TAKEN');
    await expectRefusal(store, () => vm.clone('link', { work: { onProgress } }), 'NAME_TAKEN');
    // Told before the work, not after.
    expect(phases).toEqual([]);
  });

  test('is free when there is only an empty folder of it', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    await mkdir(store.layout.instance('empty').path);
    expect(await cloneOf(store, 'web', 'empty')).toBe('empty');
  });

  test('is refused while a living process makes an instance of it', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    await StagedInstance.create(store.layout, UUID, 'web-2');
    const vm = await store.get('web');
    const error = await expectRefusal(store, () => vm.clone('web-2'), 'NAME_IN_PREPARATION');
    expect(error.message).toBe('instance "web-2" is being prepared');
  });

  test('is free when the process that was making one of it is dead', async ({ store }) => {
    const { layout } = store;
    await makeInstance(layout, 'web');
    const staged = await StagedInstance.create(layout, UUID, 'web-2');
    const token = newToken().split('.').with(3, DEAD_PID).join('.');
    await rename(staged.path, layout.staged(token));
    expect(await cloneOf(store, 'web', 'web-2')).toBe('web-2');
    expect(Object.keys(await fingerprint(layout.staging))).toEqual([]);
  });

  test('stays with whoever took it while the disk was being copied', async ({ store }) => {
    const { layout } = store;
    await makeInstance(layout, 'web');
    const before = await fingerprint(store.root);
    const others = layout.instance('web-2');
    const cloning = cloneInstance({
      layout,
      source: 'web',
      name: 'web-2',
      work: {
        onProgress: ({ phase }) => {
          if (phase !== 'publishing') return;
          mkdirSync(others.path);
          writeFileSync(others.file('theirs'), 'by somebody else');
        },
      },
    });
    const error = await errorOf(cloning, 'NAME_TAKEN');
    expect(error.message).toBe('instance "web-2" already exists');
    const left = await fingerprint(store.root);
    const theirs = ['instances/web-2', 'instances/web-2/theirs'];
    expect(Object.keys(left).filter((path) => !(path in before))).toEqual(theirs);
    expect(left).toMatchObject(before);
  });
});
