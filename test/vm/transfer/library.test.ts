import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, vi } from 'vitest';
import type { Progress } from '../../../src/work.js';
import { pretendGuest } from '../../support/pretend-guest.js';
import { test } from '../../support/store-fixture.js';

describe('upload and download', () => {
  test('copy by calls, and tell what they did and how far they are', async ({ store }) => {
    const { home, path } = await pretendGuest(store.layout, 'web');
    vi.stubEnv('PATH', path);
    const here = join(dirname(store.layout.root), 'here');
    await mkdir(join(here, 'tree', 'sub'), { recursive: true });
    for (const [name, size] of [['a', 100_000] as const, ['sub/b', 50_000] as const]) {
      await writeFile(join(here, 'tree', name), 'x'.repeat(size));
    }
    const vm = await store.get('web');
    const told: Progress[] = [];
    const work = { onProgress: (progress: Progress) => void told.push(progress) };
    const up = await vm.upload(join(here, 'tree'), 'tree', { recursive: true, work });
    expect(up).toEqual({ files: 2, folders: 2, links: 0, bytes: 150_000 });
    expect(told[0]).toMatchObject({ phase: 'transferring', instance: 'web' });
    expect(told.at(-1)?.fraction).toBe(1);
    expect((await readFile(join(home, 'tree', 'sub', 'b'))).length).toBe(50_000);
    const down = await vm.download(['tree/a', Buffer.from('tree/sub/b')], here);
    expect(down).toEqual({ files: 2, folders: 0, links: 0, bytes: 150_000 });
    expect((await readdir(here)).toSorted()).toEqual(['a', 'b', 'tree']);
  });

  test('have calls for one file, and for several instances', async ({ store }) => {
    const { home, path } = await pretendGuest(store.layout, 'web');
    vi.stubEnv('PATH', path);
    const vm = await store.get('web');
    async function* pieces() {
      yield Buffer.from('a');
      yield await Promise.resolve(Buffer.from('bc'));
    }
    await vm.writeFile('text', 'ab€');
    await vm.writeFile('deep/bytes', new Uint8Array([0, 255]), { parents: true });
    await vm.writeFile('stream', pieces());
    expect(await readFile(join(home, 'text'), 'utf8')).toBe('ab€');
    expect(await vm.readFile('deep/bytes')).toEqual(Buffer.from([0, 255]));
    const taken: Uint8Array[] = [];
    await vm.streamFile('stream', (piece) => void taken.push(piece));
    expect(Buffer.concat(taken).toString()).toBe('abc');
    await expect(vm.readFile('nothing')).rejects.toMatchObject({ code: 'TRANSFER_FAILED' });
    const here = dirname(store.layout.root);
    const sources = ['text', 'stream'].map((one) => ({ name: 'web', path: one }));
    expect(await store.download(sources, here)).toMatchObject({ files: 2 });
    expect(await readFile(join(here, 'stream'), 'utf8')).toBe('abc');
  });

  test('are given up when the signal fires, whatever its reason', async ({ store }) => {
    const { path } = await pretendGuest(store.layout, 'web', 'exec sleep 1000');
    vi.stubEnv('PATH', path);
    const vm = await store.get('web');
    const signal = AbortSignal.timeout(300);
    await expect(vm.download('a', '/nowhere/b', { work: { signal } })).rejects.toMatchObject({
      code: 'ABORTED',
    });
  });
});
