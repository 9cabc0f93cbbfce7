import { existsSync } from 'node:fs';
import { chmod, lstat, readdir, rm, writeFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, vi } from 'vitest';
import { run } from '../../src/process/run.js';
import { readQcow2 } from '../../src/qemu/qcow2-header.js';
import { initialiseStore } from '../../src/store/format.js';
import type { InstanceDir } from '../../src/store/instance-dir.js';
import { recordText } from '../../src/files/record.js';
import type { Progress } from '../../src/work.js';
import { flattenInstance } from '../../src/vm/flatten-instance.js';
import { readInstance } from '../../src/vm/read-instance.js';
import { openStore } from '../../src/vm/virtual-machine-store.js';
import { canLoopMount, withLoopMount } from '../support/loop-mount.js';
import { makeInstance, test } from '../support/store-fixture.js';
import { expectSoundStore } from '../support/sound-store.js';
import { expectRefusal } from '../support/refusal.js';
import { replaceProgram } from '../support/replace-program.js';
import { contentOf, contentsOf, writeData } from '../support/disk-content.js';

const MIB = 1024 ** 2;

// Programs are started some hundred times.
vi.setConfig({ testTimeout: 180_000 });

async function basesOf(dir: InstanceDir): Promise<string[]> {
  return (await readdir(dir.path)).filter((name) => name.startsWith('base-'));
}

async function allocated(path: string): Promise<number> {
  return (await lstat(path)).blocks * 512;
}

describe('flattening an instance', () => {
  test('makes it stand on its own disk, with the same content', async ({ store }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web', { thin: true });
    const vm = await store.get('web');
    await vm.clone('copy', { linked: true });
    await writeData(dir, 4);
    const [content, { spec, image }] = [await contentOf(dir), readInstance(layout, 'web')];
    const seen: number[] = [];
    const onProgress = ({ fraction }: Progress): void => {
      if (fraction !== null) seen.push(fraction);
    };
    expect(await flattenInstance({ layout, name: 'web', work: { onProgress } })).toBe(true);
    expect(seen.at(-1)).toBe(1);
    expect(await basesOf(dir)).toEqual([]);
    expect(readQcow2(dir.disk).backingFile).toBeNull();
    expect((await lstat(dir.disk)).mode & 0o777).toBe(0o600);
    expect(await contentOf(dir)).toBe(content);
    expect(readInstance(layout, 'web')).toMatchObject({ spec, image });
    // Nobody else is needed from now on, and nobody else has lost anything.
    const copy = layout.instance('copy');
    const copied = await contentOf(copy);
    expect(await vm.flatten()).toBe(false);
    expect(await contentOf(copy)).toBe(copied);
    await rm(copy.path, { recursive: true });
    await rm(layout.images, { recursive: true });
    await run('qemu-img', ['check', '-q', dir.disk]);
    expect(await contentOf(dir)).toBe(content);
    expect(await readdir(layout.staging)).toEqual([]);
  });

  test('keeps the content of every snapshot, and does not take it as often as there are any', async ({
    store,
  }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web', { data: 24 });
    const vm = await store.get('web');
    await vm.clone('copy', { linked: true });
    for (const number of [1, 2, 3]) {
      await writeData(dir, number);
      await vm.snapshot({ name: `snap${number}` });
    }
    await writeData(dir, 4);
    const before: Record<string, string> = {
      ...(await contentsOf(dir)),
      now: await contentOf(dir),
    };
    const views = vm.snapshots();
    await vm.flatten();
    expect({ ...(await contentsOf(dir)), now: await contentOf(dir) }).toEqual(before);
    expect(vm.snapshots()).toEqual(views);
    expect(readQcow2(dir.disk).snapshots.map(({ name }) => name)).toEqual(['@s1', '@s2', '@s3']);
    expect(await basesOf(dir)).toEqual([]);
    // 24 MiB once, and what was written after each snapshot.
    expect(await allocated(dir.disk)).toBeLessThan(36 * MIB);
    await run('qemu-img', ['check', '-q', dir.disk]);
    // A snapshot that is restored is what it was.
    await vm.restore('snap2');
    expect(await contentOf(dir)).toBe(before['@s2']);
    await expectSoundStore(layout);
  });

  test('keeps snapshots that were taken when the disk had another size', async ({ store }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web', { thin: true });
    const vm = await store.get('web');
    const resize = async (mebibytes: number): Promise<void> => {
      await run('qemu-img', ['resize', '-q', dir.disk, `${mebibytes}M`]);
      const { spec } = readInstance(layout, 'web');
      await writeFile(dir.spec, recordText({ ...spec, disk: mebibytes * MIB }));
      const write = `write -P ${mebibytes} ${mebibytes - 1}M 1M`;
      await run('qemu-io', ['-f', 'qcow2', '-c', write, dir.disk]);
    };
    await vm.snapshot({ name: 'at64' });
    await resize(96);
    await vm.snapshot({ name: 'at96' });
    await vm.restore('at64');
    await writeData(dir, 6);
    const before: Record<string, string> = {
      ...(await contentsOf(dir)),
      now: await contentOf(dir),
    };
    const sizes = readQcow2(dir.disk).snapshots.map(({ diskSize }) => diskSize);
    expect(sizes).toEqual([64 * MIB, 96 * MIB]);
    await vm.flatten();
    expect({ ...(await contentsOf(dir)), now: await contentOf(dir) }).toEqual(before);
    const facts = readQcow2(dir.disk);
    expect(facts.snapshots.map(({ diskSize }) => diskSize)).toEqual(sizes);
    expect([facts.virtualSize, facts.backingFile]).toEqual([64 * MIB, null]);
    await run('qemu-img', ['check', '-q', dir.disk]);
  });

  test('does nothing to one that stands on nothing', async ({ store }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web', { tags: 1 });
    const { ino } = await lstat(dir.disk);
    expect(await flattenInstance({ layout, name: 'web' })).toBe(false);
    expect((await lstat(dir.disk)).ino).toBe(ino);
  });

  for (const step of ['convert', 'rebase', 'commit', 'snapshot']) {
    test(`ends with nothing done when \`qemu-img ${step}\` fails`, async ({ store, root }) => {
      const { layout } = store;
      const dir = await makeInstance(layout, 'web', { thin: true, tags: 1 });
      await chmod(dir.file('base-image.qcow2'), 0o444);
      const script = `case "$1" in ${step}) exit 1;; esac; exec "$REAL" "$@"`;
      await replaceProgram(`${root}-programs`, 'qemu-img', script);
      const flattening = (): Promise<unknown> => flattenInstance({ layout, name: 'web' });
      await expectRefusal(store, flattening, 'TOOL_FAILED');
    });
  }

  test('ends with nothing done when it is interrupted', async ({ store, root }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web', { thin: true, tags: 1 });
    await chmod(dir.file('base-image.qcow2'), 0o444);
    const script = `case "$1" in commit) echo >"${root}-begun"; exec sleep 600;; esac; exec "$REAL" "$@"`;
    await replaceProgram(`${root}-programs`, 'qemu-img', script);
    const abort = new AbortController();
    const aborting = async (): Promise<unknown> => {
      const flattening = flattenInstance({ layout, name: 'web', work: { signal: abort.signal } });
      while (!existsSync(`${root}-begun`)) await setTimeout(10);
      abort.abort();
      return await flattening;
    };
    await expectRefusal(store, aborting, 'ABORTED');
  });
});

describe('flattening an instance is refused', () => {
  test('when it is suspended, deleted, or not there', async ({ store }) => {
    const { layout } = store;
    await makeInstance(layout, 'web', { otherTags: ['suspend'] });
    await makeInstance(layout, 'gone', { spec: { deleted: true } });
    const flatten = (name: string) => (): Promise<unknown> => flattenInstance({ layout, name });
    const error = await expectRefusal(store, flatten('web'), 'INSTANCE_SUSPENDED');
    expect(error.message).toBe('cannot flatten "web" while it is suspended');
    await expectRefusal(store, flatten('gone'), 'INSTANCE_DELETED');
    await expectRefusal(store, flatten('nobody'), 'INSTANCE_NOT_FOUND');
  });
});

describe.runIf(canLoopMount)('flattening an instance for which there is no space', () => {
  test('is refused before the work', async () => {
    await withLoopMount('ext4', 64, async (folder) => {
      const store = openStore(`${folder}/store`);
      const { layout } = store;
      await initialiseStore(layout);
      await makeInstance(layout, 'web', { data: 24 });
      await (await store.get('web')).clone('copy', { linked: true });
      const phases: number[] = [];
      const onProgress = ({ fraction }: Progress): void => {
        if (fraction !== null) phases.push(fraction);
      };
      const fill = `fallocate -l $(( $(stat -f -c '%a * %S' ${folder}) - 20 * 1024 * 1024 )) ${folder}/filler`;
      await run('sh', ['-c', fill]);
      const flattening = (): Promise<unknown> =>
        flattenInstance({ layout, name: 'copy', work: { onProgress } });
      const error = await expectRefusal(store, flattening, 'DISK_FULL');
      expect(error.details['needed']).toBeGreaterThan(24 * MIB);
      expect(phases).toEqual([]);
      await rm(`${folder}/filler`);
      expect(await flattenInstance({ layout, name: 'copy' })).toBe(true);
    });
  });
});
