import { linkSync } from 'node:fs';
import { chmod, lstat, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { errnoOf } from '../../../src/errors.js';
import { run } from '../../../src/process/run.js';
import { hasOwnData, readQcow2 } from '../../../src/qemu/qcow2-header.js';
import type { InstanceDir } from '../../../src/store/instance-dir.js';
import type { StoreLayout } from '../../../src/store/layout.js';
import { backingChain } from '../../../src/vm/disks/backing-chain.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { openStore } from '../../../src/vm/virtual-machine-store.js';
import { initialiseStore } from '../../../src/store/format.js';
import { fillUp } from '../../support/fill-up.js';
import { hashTree } from '../../support/hash-tree.js';
import { canLoopMount, withLoopMount } from '../../support/loop-mount.js';
import { pretendToRun } from '../../support/pretend-to-run.js';
import { makeInstance, test } from '../../support/store-fixture.js';
import { contentOf, contentsOf, writeData } from '../../support/disk-content.js';
import { replaceProgram } from '../../support/replace-program.js';
import { errorOf, expectRefusal } from '../../support/refusal.js';

const MIB = 1024 ** 2;

function chainOf(dir: InstanceDir): string[] {
  return backingChain(dir, readQcow2(dir.disk));
}

async function basesOf(dir: InstanceDir): Promise<string[]> {
  return (await readdir(dir.path)).filter((name) => name.startsWith('base-')).sort();
}

/** Bases are immutable, each of the chain is there, and no other. */
async function expectSaneFolder(dir: InstanceDir): Promise<void> {
  const bases = await basesOf(dir);
  expect(chainOf(dir).sort()).toEqual(bases);
  for (const base of bases) expect((await lstat(dir.file(base))).mode & 0o777).toBe(0o444);
  expect((await lstat(dir.disk)).mode & 0o777).toBe(0o600);
  await run('qemu-img', ['check', '-q', dir.disk]);
}

/** A thin instance as `launch` makes it: its base is immutable. */
async function makeSource(
  layout: StoreLayout,
  name: string,
  made: Parameters<typeof makeInstance>[2] = {},
): Promise<InstanceDir> {
  const dir = await makeInstance(layout, name, made);
  if (made.thin === true) await chmod(dir.file('base-image.qcow2'), 0o444);
  return dir;
}

async function inodeOf(path: string): Promise<number> {
  return (await lstat(path)).ino;
}

describe('a linked clone', () => {
  for (const thin of [false, true]) {
    test(`shows the same as its source, and shares the file (thin: ${thin})`, async ({ store }) => {
      const { layout } = store;
      const dir = await makeSource(layout, 'web', { thin, data: 8 });
      const content = await contentOf(dir);
      const [head, { spec }] = [await inodeOf(dir.disk), readInstance(layout, 'web')];
      const copy = await (await store.get('web')).clone('copy', { linked: true });
      const target = layout.instance('copy');
      expect([await contentOf(dir), await contentOf(target)]).toEqual([content, content]);
      const [frozen] = chainOf(target);
      expect(chainOf(target)).toEqual(chainOf(dir));
      expect(chainOf(target)).toHaveLength(thin ? 2 : 1);
      // It is the source's old head, under another name, and nothing was copied.
      for (const one of [dir, target]) {
        expect(await inodeOf(one.file(frozen ?? ''))).toBe(head);
        await expectSaneFolder(one);
        expect((await lstat(one.disk)).blocks * 512).toBeLessThan(MIB);
      }
      expect(copy.image.lineage).toMatchObject({ sourceName: 'web', strategy: 'linked' });
      expect(readInstance(layout, 'web').spec).toEqual(spec);
      expect(await readdir(layout.staging)).toEqual([]);
    });
  }

  test('and its source see only what each has written', async ({ store }) => {
    const { layout } = store;
    const dir = await makeSource(layout, 'web');
    const vm = await store.get('web');
    for (const name of ['one', 'two']) await vm.clone(name, { linked: true });
    const folders = [dir, layout.instance('one'), layout.instance('two')];
    const writes = folders.map((_, at) => `write -P ${100 + at} ${at}M 1M`);
    for (const [at, folder] of folders.entries()) {
      await run('qemu-io', ['-f', 'qcow2', '-c', writes[at] ?? '', folder.disk]);
    }
    // Two MiB of ones is what they had in common, and zeros behind.
    for (const [at, { disk }] of folders.entries()) {
      for (const [place, common] of [1, 1, 0].entries()) {
        const pattern = place === at ? 100 + at : common;
        await run('qemu-io', ['-f', 'qcow2', '-r', '-c', `read -P ${pattern} ${place}M 1M`, disk]);
      }
      await run('qemu-img', ['check', '-q', disk]);
    }
  });

  test('does not make the chain of an unwritten source longer', async ({ store }) => {
    const { layout } = store;
    const dir = await makeSource(layout, 'web');
    const vm = await store.get('web');
    await vm.clone('one', { linked: true });
    const [chain, head] = [chainOf(dir), await inodeOf(dir.disk)];
    await vm.clone('two', { linked: true });
    await (await store.get('two')).clone('three', { linked: true });
    for (const name of ['web', 'one', 'two', 'three']) {
      expect(chainOf(layout.instance(name))).toEqual(chain);
    }
    expect(await inodeOf(dir.disk)).toBe(head);
    await writeData(dir, 5);
    await vm.clone('four', { linked: true });
    expect(chainOf(dir)).toHaveLength(2);
    expect(chainOf(layout.instance('four'))).toEqual(chainOf(dir));
  });

  test('starts no program when the source has written nothing', async ({ store, root }) => {
    const { layout } = store;
    await makeSource(layout, 'web', { thin: true, data: 0 });
    const vm = await store.get('web');
    for (const program of ['qemu-img', 'cp']) {
      await replaceProgram(`${root}-programs`, program, 'echo "no program, please" >&2; exit 1');
    }
    await vm.clone('copy', { linked: true });
    expect(await basesOf(layout.instance('copy'))).toEqual(['base-image.qcow2']);
    const { size, blocks } = await lstat(layout.instance('copy').disk);
    expect(blocks * 512).toBeLessThanOrEqual(size);
    expect(size).toBe((await lstat(layout.instance('web').disk)).size);
  });

  test('has a base of its own where the source has snapshots', async ({ store }) => {
    const { layout } = store;
    const dir = await makeSource(layout, 'web', { tags: 2, thin: true });
    const before = await hashTree(dir.path);
    const content = await contentOf(dir);
    const vm = await store.get('web');
    for (const name of ['one', 'two']) {
      await vm.clone(name, { linked: true });
      const target = layout.instance(name);
      expect(await contentOf(target)).toBe(content);
      expect(chainOf(target)).toHaveLength(2);
      expect(chainOf(target)[1]).toBe('base-image.qcow2');
      expect(hasOwnData(target.disk)).toBe(false);
      await expectSaneFolder(target);
      for (const base of await basesOf(target)) {
        expect(readQcow2(target.file(base)).snapshots).toEqual([]);
      }
    }
    expect(await hashTree(dir.path)).toEqual(before);
  });

  test('of a snapshot shows that, and leaves the source as it is', async ({ store }) => {
    const { layout } = store;
    const dir = await makeSource(layout, 'web');
    const vm = await store.get('web');
    await vm.snapshot({ name: 'then' });
    const content = await contentOf(dir);
    await writeData(dir, 9);
    const before = await hashTree(dir.path);
    await vm.clone('copy', { linked: true, snapshot: 'then' });
    expect(await contentOf(layout.instance('copy'))).toBe(content);
    expect(await hashTree(dir.path)).toEqual(before);
    await expectSaneFolder(layout.instance('copy'));
  });

  test('of a suspended source, cold, has a base of its own', async ({ store }) => {
    const { layout } = store;
    const dir = await makeSource(layout, 'web', { otherTags: ['suspend'] });
    const [before, content] = [await hashTree(dir.path), await contentOf(dir)];
    const vm = await store.get('web');
    await expectRefusal(store, () => vm.clone('copy', { linked: true }), 'INSTANCE_NOT_STOPPED');
    const copy = await vm.clone('copy', { linked: true, cold: true });
    expect(copy.state).toBe('Stopped');
    expect(await contentOf(layout.instance('copy'))).toBe(content);
    await expectSaneFolder(layout.instance('copy'));
    expect(await hashTree(dir.path)).toEqual(before);
  });

  test('keeps what is behind the size that the record knows of', async ({ store }) => {
    const { layout } = store;
    for (const [name, tags] of [
      ['web', 0],
      ['tagged', 1],
    ] as const) {
      const dir = await makeSource(layout, name, { tags });
      await run('qemu-img', ['resize', '-q', dir.disk, '96M']);
      await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 3 80M 1M', dir.disk]);
      const content = await contentOf(dir);
      await (await store.get(name)).clone(`${name}-copy`, { linked: true });
      expect(await contentOf(layout.instance(`${name}-copy`))).toBe(content);
    }
  });

  test('leaves a snapshot of its source, taken afterwards, to the source', async ({ store }) => {
    const { layout } = store;
    const dir = await makeSource(layout, 'web');
    const vm = await store.get('web');
    await vm.clone('copy', { linked: true });
    const content = await contentOf(dir);
    await vm.snapshot({ name: 'after' });
    await writeData(dir, 3);
    expect(await contentsOf(dir)).toEqual({ '@s1': content });
    await vm.restore('after');
    expect(await contentOf(dir)).toBe(content);
    expect(await contentOf(layout.instance('copy'))).toBe(content);
    await expectSaneFolder(dir);
  });

  test('is refused of a running source, which is not frozen either', async ({ store }) => {
    const { layout } = store;
    const dir = await makeSource(layout, 'web');
    const vm = await store.get('web');
    await pretendToRun(dir);
    await expectRefusal(store, () => vm.clone('copy', { linked: true }), 'INSTANCE_NOT_STOPPED');
    expect(await basesOf(dir)).toEqual([]);
  });

  test('that fails after the freeze leaves the source whole', async ({ store, root }) => {
    const { layout } = store;
    const dir = await makeSource(layout, 'web');
    const content = await contentOf(dir);
    const vm = await store.get('web');
    // The lock is made a shared one for the clone.
    const fails = 'case "$1" in -s) exit 66;; esac; exec "$REAL" "$@"';
    await replaceProgram(`${root}-programs`, 'flock', fails);
    await errorOf(vm.clone('copy', { linked: true }), 'TOOL_FAILED');
    expect(await contentOf(dir)).toBe(content);
    await expectSaneFolder(dir);
    expect(await readdir(layout.instances)).toEqual(['web']);
    expect(await readdir(layout.staging)).toEqual([]);
    expect(await readdir(layout.macs)).toHaveLength(1);
  });

  test.runIf(canLoopMount)('whose freeze fails leaves the source as it was', async () => {
    // Room for the folder in staging, and for no more than the first of the overlay's three parts.
    await withLoopMount('ext4', 64, async (folder) => {
      const store = openStore(`${folder}/store`);
      await initialiseStore(store.layout);
      await makeSource(store.layout, 'web');
      const vm = await store.get('web');
      await writeFile(`${folder}/spare`, Buffer.alloc(2 * 1024));
      fillUp(folder);
      await rm(`${folder}/spare`);
      const error = await expectRefusal(
        store,
        () => vm.clone('copy', { linked: true }),
        'DISK_FULL',
      );
      expect(error.details).toMatchObject({
        path: expect.stringContaining('disk.qcow2') as string,
      });
    });
  });

  test('can be made where an inode may have no more names', async ({ store }) => {
    const { layout } = store;
    const dir = await makeSource(layout, 'web', { thin: true, data: 0 });
    const base = dir.file('base-image.qcow2');
    await mkdir(`${layout.root}-names`);
    // Where the file system counts further than ext4 does, this shows nothing.
    giveNames(base, `${layout.root}-names`);
    const content = await contentOf(dir);
    await (await store.get('web')).clone('copy', { linked: true });
    expect(await contentOf(layout.instance('copy'))).toBe(content);
    await expectSaneFolder(layout.instance('copy'));
  });
});

describe.runIf(canLoopMount)('a linked clone where extents can be shared', () => {
  for (const kind of ['xfs', 'btrfs'] as const) {
    test(`is linked all the same, with and without snapshots: ${kind}`, async () => {
      await withLoopMount(kind, kind === 'xfs' ? 400 : 200, async (folder) => {
        const store = openStore(`${folder}/store`);
        const { layout } = store;
        await initialiseStore(layout);
        for (const [name, tags] of [
          ['plain', 0],
          ['tagged', 1],
        ] as const) {
          const dir = await makeSource(layout, name, { tags, thin: true });
          const content = await contentOf(dir);
          const vm = await store.get(name);
          const plan = await vm.clone(`${name}-copy`, { linked: true, dryRun: true });
          expect(plan).toMatchObject({ strategy: 'linked', bytesToCopy: 0, fits: true });
          await vm.clone(`${name}-copy`, { linked: true });
          const target = layout.instance(`${name}-copy`);
          expect([await contentOf(dir), await contentOf(target)]).toEqual([content, content]);
          await expectSaneFolder(target);
        }
      });
    });
  }
});

/** As many as it may have: 65,000 on ext4. */
function giveNames(file: string, folder: string): void {
  try {
    for (let name = 0; name < 65_000; name += 1) linkSync(file, join(folder, String(name)));
  } catch (error) {
    if (errnoOf(error) !== 'EMLINK') throw error;
  }
}
