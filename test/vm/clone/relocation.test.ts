import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import { openStore, type VirtualMachineStore } from '../../../src/vm/virtual-machine-store.js';
import { canLoopMount, withLoopMount } from '../../support/loop-mount.js';
import { makeInstance, test } from '../../support/store-fixture.js';
import { childProcesses } from './child-processes.js';

/** A store with a thin instance, one with a snapshot, a clone of the first and one that is deleted. */
async function fill(store: VirtualMachineStore): Promise<void> {
  await makeInstance(store.layout, 'thin', { thin: true });
  await makeInstance(store.layout, 'tagged', { tags: 1 });
  await (await store.get('thin')).clone();
  await (await store.get('tagged')).clone('gone');
  await (await store.get('gone')).delete();
}

/** Whether any file of a store has this text in it. */
async function holds(root: string, text: string): Promise<boolean> {
  const { exitCode } = await run('grep', ['-rqF', '-e', text, root], { okExitCodes: [0, 1] });
  return exitCode === 0;
}

/** Makes sure that a store works at a place where it was not made, and knows of neither place. */
async function expectAtHome(root: string, oldRoot: string): Promise<void> {
  const store = openStore(root);
  const programs = await childProcesses();
  const states = async (): Promise<string[][]> =>
    (await store.list()).map(({ name, state }) => [name, state]);
  const before = [
    ['gone', 'Deleted'],
    ['tagged', 'Stopped'],
    ['thin', 'Stopped'],
    ['thin-clone1', 'Stopped'],
  ];
  expect(await states()).toEqual(before);

  const copies = [];
  for (const source of ['thin', 'thin-clone1', 'tagged']) {
    const vm = await store.get(source);
    const copy = await vm.clone(`${source}-moved`);
    copies.push([copy.name, copy.state]);
    const [from, to] = [source, copy.name].map((name) => store.layout.instance(name).disk);
    await run('qemu-img', ['check', '-q', to!]);
    await run('qemu-img', ['compare', from!, to!]);
  }
  await (await store.get('gone')).recover();
  await (await store.get('gone')).purge();
  expect(await states()).toEqual([...before.slice(1), ...copies].toSorted());
  expect(await readdir(store.layout.macs)).toHaveLength(6);

  expect(await holds(root, root)).toBe(false);
  expect(await holds(root, oldRoot)).toBe(false);
  expect(await childProcesses()).toEqual(programs);
}

describe('a store that is taken elsewhere', () => {
  test('works after mv', async ({ store, root }) => {
    await fill(store);
    expect(await holds(root, root)).toBe(false);
    await run('mv', [root, `${root}-moved`]);
    await expectAtHome(`${root}-moved`, root);
  });

  test('works after it went through tar', async ({ store, root }) => {
    await fill(store);
    const archive = `${root}.tar`;
    await run('tar', ['-C', root, '-cf', archive, '.']);
    await rm(root, { recursive: true });
    await mkdir(`${root}-unpacked`, { mode: 0o700 });
    await run('tar', ['-C', `${root}-unpacked`, '-xpf', archive]);
    await expectAtHome(`${root}-unpacked`, root);
  });

  test.runIf(canLoopMount)('works after cp -a to another file system', async ({ store, root }) => {
    await fill(store);
    await withLoopMount('ext4', 64, async (folder) => {
      const moved = join(folder, 'another store');
      await run('cp', ['-a', root, moved]);
      await rm(root, { recursive: true });
      await expectAtHome(moved, root);
    });
  });
});
