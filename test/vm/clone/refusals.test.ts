import { existsSync } from 'node:fs';
import { chmod, mkdir, open, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import { InstanceLock } from '../../../src/store/lock.js';
import { makeInstance, test } from '../../support/store-fixture.js';
import { fingerprint } from '../../support/fingerprint.js';
import { errorOf, expectRefusal } from '../../support/refusal.js';
import { pretendToRun } from '../../support/pretend-to-run.js';

const ONLY_STOPPED = 'Multipass can only clone stopped instances.';

/** Sets bits of the incompatible features in a qcow2 header (version 3: eight bytes from 72 on). */
async function setFeature(disk: string, feature: number): Promise<void> {
  const file = await open(disk, 'r+');
  await file.write(Buffer.from([feature]), 0, 1, 79);
  await file.close();
}

describe('a source that is not stopped', () => {
  test('is refused while it is suspended', async ({ store }) => {
    await makeInstance(store.layout, 'web', { otherTags: ['suspend'] });
    const vm = await store.get('web');
    expect(vm.state).toBe('Suspended');
    const error = await expectRefusal(store, () => vm.clone(), 'INSTANCE_NOT_STOPPED');
    expect(error.message).toBe(ONLY_STOPPED);
    expect(error.hint).toMatch(/^"web" is suspended: .* \(`multipass clone --cold`\)\.$/);
  });

  test('is refused while it runs', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web');
    await pretendToRun(dir);
    const vm = await store.get('web');
    expect(vm.state).toBe('Starting');
    const error = await expectRefusal(store, () => vm.clone(), 'INSTANCE_NOT_STOPPED');
    expect(error.message).toBe(ONLY_STOPPED);
    expect(error.hint).toBe(
      '"web" is running: stop it first, or clone its disk as it is at one moment (`multipass clone --live`).',
    );
  });

  test('is refused, though something is pending, while it runs', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web');
    const step = { operation: 'snapshot', arguments: { tag: '@s1' }, records: {} };
    await writeFile(dir.pending, JSON.stringify(step));
    await pretendToRun(dir);
    const vm = await store.get('web');
    await expectRefusal(store, () => vm.clone(), 'INSTANCE_NOT_STOPPED');
  });

  test('is refused when it is started while the clone waits for it', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    const request = { mode: 'exclusive', purpose: 'start' } as const;
    const start = await InstanceLock.take(store.layout, 'web', request);
    const told: string[] = [];
    const onWait = (instance: string, holders: string): void => {
      told.push(instance, holders);
      void pretendToRun(dir);
    };
    const error = await errorOf(vm.clone(undefined, { work: { onWait } }), 'INSTANCE_NOT_STOPPED');
    await start.release();
    expect(error.message).toBe(ONLY_STOPPED);
    expect(told).toEqual(['web', expect.stringContaining(`start (pid ${process.pid}) since 20`)]);
  });
});

describe('a source that is there and not there', () => {
  test('is refused while it is deleted, with what to do', async ({ store }) => {
    await makeInstance(store.layout, 'web', { spec: { deleted: true } });
    const vm = await store.get('web');
    const error = await expectRefusal(store, () => vm.clone(), 'INSTANCE_DELETED');
    expect(error.message).toBe('instance "web" is deleted');
    expect(error.hint).toContain('multipass recover web');
  });

  test('is refused when it was removed after it was opened', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    await rm(dir.path, { recursive: true });
    const error = await expectRefusal(store, () => vm.clone(), 'INSTANCE_NOT_FOUND');
    expect(error.message).toBe('instance "web" does not exist');
  });

  test('is refused when it is a link to the folder of another', async ({ store }) => {
    await makeInstance(store.layout, 'db');
    const vm = await store.get('db');
    await run('mv', [store.layout.instance('db').path, store.layout.instance('web').path]);
    await symlink('web', store.layout.instance('db').path);
    await expectRefusal(store, () => vm.clone(), 'INSTANCE_BROKEN');
  });

  test('is refused by a store of a newer format', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    await writeFile(store.layout.formatFile, '{ "format": 2 }');
    await expectRefusal(store, () => vm.clone(), 'STORE_TOO_NEW');
  });
});

describe('a source that cannot be trusted', () => {
  test('is refused with the place of what is wrong in a record', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    const spec = JSON.parse(await readFile(dir.spec, 'utf8')) as object;
    await writeFile(dir.spec, JSON.stringify({ ...spec, cpus: 'two' }));
    const error = await expectRefusal(store, () => vm.clone(), 'RECORD_INVALID');
    expect(error.details).toMatchObject({ path: dir.spec, at: '/cpus' });
  });

  test('is refused when its disk is cut off', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    await run('truncate', ['-s', '100', dir.disk]);
    await expectRefusal(store, () => vm.clone(), 'DISK_INVALID');
  });

  test('is refused when QEMU has found its disk corrupt', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web');
    await setFeature(dir.disk, 0b10);
    const vm = await store.get('web');
    const error = await expectRefusal(store, () => vm.clone(), 'DISK_INVALID');
    expect(error.message).toBe(`"${dir.disk}" is marked as corrupt`);
  });

  test('is refused when its disk keeps its data elsewhere', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web');
    await setFeature(dir.disk, 0b100);
    const vm = await store.get('web');
    const error = await expectRefusal(store, () => vm.clone(), 'DISK_INVALID');
    expect(error.message).toBe(`"${dir.disk}" keeps its data in another file`);
  });

  test('is refused when its seed is no ISO image, a link, or no file', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    await writeFile(dir.seed, 'no image');
    await expectRefusal(store, () => vm.clone(), 'ISO_INVALID');
    await rm(dir.seed);
    await symlink('/etc/passwd', dir.seed);
    await expectRefusal(store, () => vm.clone(), 'SEED_INVALID');
    await rm(dir.seed);
    await mkdir(dir.seed);
    await expectRefusal(store, () => vm.clone(), 'SEED_INVALID');
  });

  test('is refused when its lock is a link to a file of somebody else', async ({ store, root }) => {
    const dir = await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    await rm(dir.lock);
    await symlink(`${root}-outside`, dir.lock);
    await expectRefusal(store, () => vm.clone(), 'INSTANCE_BROKEN');
    expect(existsSync(`${root}-outside`)).toBe(false);
  });
});

describe('a source that nothing is wrong with', () => {
  test('is only read: its files, their modes and times stay', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web', { thin: true, tags: 2 });
    await chmod(dir.disk, 0o640);
    const before = await fingerprint(dir.path);
    const vm = await store.get('web');
    await vm.clone();
    await vm.clone();
    expect(await fingerprint(dir.path)).toEqual(before);
  });
});
