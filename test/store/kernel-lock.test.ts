import { access, mkdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { takeKernelLock } from '../../src/store/kernel-lock.js';
import { lockIsAwaited } from '../support/lock-waiter.js';
import { test as base } from '../support/store-fixture.js';

/** A folder with a lock file in it, which stands in for an instance. */
const test = base.extend<{ folder: string; path: string }>({
  folder: async ({ root }, use) => {
    await mkdir(join(root, 'web'), { recursive: true });
    await use(join(root, 'web'));
  },
  path: ({ folder }, use) => use(join(folder, 'lock')),
});

const NOW = { mode: 'exclusive', wait: false } as const;
const PATIENT = { mode: 'exclusive', wait: true } as const;

describe('takeKernelLock', () => {
  test('answers undefined while another open file holds it, and takes it after', async ({
    path,
  }) => {
    const first = await takeKernelLock(path, NOW);
    expect(await takeKernelLock(path, NOW)).toBeUndefined();
    expect(await takeKernelLock(path, { ...NOW, mode: 'shared' })).toBeUndefined();
    await first?.close();
    const second = await takeKernelLock(path, NOW);
    expect(second).toBeDefined();
    await second?.close();
  });

  test('is shared among those who ask for that, and excludes the exclusive', async ({ path }) => {
    const readers = await Promise.all(
      [1, 2, 3].map(() => takeKernelLock(path, { mode: 'shared', wait: false })),
    );
    expect(readers).not.toContain(undefined);
    for (const reader of readers) {
      expect(await takeKernelLock(path, NOW)).toBeUndefined();
      await reader?.close();
    }
    const writer = await takeKernelLock(path, NOW);
    expect(writer).toBeDefined();
    await writer?.close();
  });

  test('makes an empty file for the owner alone, and leaves one that is there', async ({
    path,
  }) => {
    await (await takeKernelLock(path, NOW))?.close();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readFile(path, 'utf8')).toBe('');
    await writeFile(path, 'a note');
    await (await takeKernelLock(path, NOW))?.close();
    expect(await readFile(path, 'utf8')).toBe('a note');
  });

  test('notices that the lock file was replaced while it waited', async ({ path }) => {
    const first = await takeKernelLock(path, NOW);
    const waiting = takeKernelLock(path, PATIENT);
    await lockIsAwaited(path, waiting);
    await rm(path);
    await writeFile(path, '');
    await first?.close();

    const second = await waiting;
    expect((await second?.stat())?.ino).toBe((await stat(path)).ino);
    expect(await takeKernelLock(path, NOW)).toBeUndefined();
    await second?.close();
  });

  test('fails with ENOENT when the folder went away while it waited', async ({ folder, path }) => {
    const first = await takeKernelLock(path, NOW);
    const waiting = takeKernelLock(path, PATIENT);
    const outcome = expect(waiting).rejects.toMatchObject({ code: 'ENOENT' });
    await lockIsAwaited(path, waiting);
    await rename(folder, `${folder}-2`);
    await first?.close();
    await outcome;
    await expect(access(folder)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('stays with a folder that is renamed', async ({ folder, path }) => {
    const lock = await takeKernelLock(path, NOW);
    await rename(folder, `${folder}-2`);
    expect(await takeKernelLock(join(`${folder}-2`, 'lock'), NOW)).toBeUndefined();
    await lock?.close();
  });

  test('does not follow a link', async ({ folder, path }) => {
    await symlink('elsewhere', path);
    await expect(takeKernelLock(path, NOW)).rejects.toMatchObject({ code: 'INSTANCE_BROKEN' });
    await expect(access(join(folder, 'elsewhere'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('fails with ENOENT, and makes nothing, where there is no folder', async ({ root }) => {
    const missing = join(root, 'missing');
    await expect(takeKernelLock(join(missing, 'lock'), NOW)).rejects.toMatchObject({
      code: 'ENOENT',
    });
    await expect(access(missing)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('leaves a wait when it is told to', async ({ path }) => {
    const first = await takeKernelLock(path, NOW);
    const signal = AbortSignal.timeout(300);
    await expect(takeKernelLock(path, { ...PATIENT, signal })).rejects.toMatchObject({
      code: 'ABORTED',
    });
    await first?.close();
    const second = await takeKernelLock(path, NOW);
    expect(second).toBeDefined();
    await second?.close();
  });
});
