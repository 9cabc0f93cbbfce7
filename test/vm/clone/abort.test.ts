import { readdir, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import { InstanceLock } from '../../../src/store/lock.js';
import type { Progress } from '../../../src/work.js';
import { makeInstance, test } from '../../support/store-fixture.js';
import { copyBegins, makeLargeDisk } from './large-disk.js';
import { errorOf, expectRefusal } from '../../support/refusal.js';
import { replaceProgram } from '../../support/replace-program.js';

/** Enough that a copy takes many times as long as we take to see that it has begun. */
const LARGE_MIB = 64;

describe('a clone that is interrupted', () => {
  test('does nothing at all when the signal has fired before', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    const reason = new Error('told to stop');
    const signal = AbortSignal.abort(reason);
    const error = await expectRefusal(
      store,
      () => vm.clone('copy', { work: { signal } }),
      'ABORTED',
    );
    expect(error.cause).toBe(reason);
  });

  test('ends while it waits for the lock of its source', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    const request = { mode: 'exclusive', purpose: 'resize' } as const;
    const lock = await InstanceLock.take(store.layout, 'web', request);
    const abort = new AbortController();
    const options = { work: { signal: abort.signal, onWait: () => abort.abort() } };
    const cloning = vm.clone('copy', options);
    await errorOf(cloning, 'ABORTED');
    await lock.release();
    expect(await readdir(store.layout.instances)).toEqual(['web']);
    expect(await readdir(store.layout.staging)).toEqual([]);
    expect(await readdir(store.layout.locks)).toEqual([]);
  });

  for (const phase of ['copying', 'publishing'] as const) {
    test(`ends when it begins with ${phase}`, async ({ store }) => {
      await makeInstance(store.layout, 'web');
      const vm = await store.get('web');
      const abort = new AbortController();
      const onProgress = (progress: Progress): void => {
        if (progress.phase === phase) abort.abort();
      };
      const options = { work: { signal: abort.signal, onProgress } };
      await expectRefusal(store, () => vm.clone('copy', options), 'ABORTED');
    });
  }

  for (const file of ['disk.qcow2', 'unknown.img']) {
    test(`ends at once though cp would go on for long: ${file}`, async ({ store, root }) => {
      const dir = await makeInstance(store.layout, 'web');
      await writeFile(dir.file('unknown.img'), 'unknown');
      const slow = `case "$LAST" in *${file}) echo begun >"$LAST"; exec sleep 600;; esac`;
      await replaceProgram(`${root}-programs`, 'cp', `${slow}; exec "$REAL" "$@"`);
      const vm = await store.get('web');
      const abort = new AbortController();
      const cloning = async (): Promise<unknown> => {
        const copy = vm.clone(undefined, { work: { signal: abort.signal } });
        await copyBegins(store.layout, file);
        abort.abort();
        return await copy;
      };
      await expectRefusal(store, cloning, 'ABORTED');
    });
  }

  for (const [program, tags] of [
    ['cp copies', []],
    ['qemu-img converts', ['@s1']],
  ] as const) {
    test(`ends while ${program} a large disk`, async ({ store }) => {
      const dir = await makeInstance(store.layout, 'web', { data: 0 });
      await makeLargeDisk(dir, LARGE_MIB);
      for (const tag of tags) await run('qemu-img', ['snapshot', '-c', tag, dir.disk]);
      const vm = await store.get('web');
      const abort = new AbortController();
      const cloning = async (): Promise<unknown> => {
        const copy = vm.clone(undefined, { work: { signal: abort.signal } });
        await copyBegins(store.layout, 'disk.qcow2');
        abort.abort();
        return await copy;
      };
      await expectRefusal(store, cloning, 'ABORTED');
    });
  }

  test('leaves the source free for the next one', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    const abort = new AbortController();
    const onProgress = (): void => abort.abort();
    await expectRefusal(
      store,
      () => vm.clone('copy', { work: { signal: abort.signal, onProgress } }),
      'ABORTED',
    );
    expect((await vm.clone('copy')).name).toBe('copy');
  });
});
