import { mkdir, open, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import { StoreLayout } from '../../../src/store/layout.js';
import { initialiseStore } from '../../../src/store/format.js';
import { exportInstance } from '../../../src/vm/travel/export-instance.js';
import { importInstance } from '../../../src/vm/travel/import-instance.js';
import { hashTree } from '../../support/hash-tree.js';
import { fillUp } from '../../support/fill-up.js';
import { canLoopMount, withLoopMount } from '../../support/loop-mount.js';
import { makeInstance, test } from '../../support/store-fixture.js';
import { putTogether, takeApart, tarOf } from './forged-archive.js';
import { areSame, exported, fillWithNoise, imported, inPieces, otherStore } from './support.js';

/** The same archive as copying programs write it: sorted by name, with folders, and without a word about chunks. */
async function copied(archive: Buffer): Promise<Buffer> {
  const parts = await takeApart(archive);
  for (const entry of parts.entries) entry.pax.clear();
  const whole = await takeEntries(putTogether(parts));
  const folders = ['blobs/', 'blobs/sha256/'].map((name) => ({
    name,
    data: Buffer.alloc(0),
    pax: new Map(),
    type: '5',
  }));
  return tarOf([
    ...folders,
    ...whole
      .map((entry) => ({ ...entry, pax: new Map<string, string>() }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  ]);
}

async function takeEntries(
  archive: Buffer,
): Promise<{ name: string; data: Buffer; pax: Map<string, string> }[]> {
  const { TarReader } = await import('../../../src/files/tar/tar-reader.js');
  const tar = new TarReader(inPieces(archive), {
    unfit: (text) => new Error(text),
    limits: { entries: 1000 },
  });
  const entries = [];
  for (let entry = await tar.next(); entry !== undefined; entry = await tar.next()) {
    entries.push({ name: entry.name, data: await tar.body(1e9), pax: new Map<string, string>() });
  }
  return entries;
}

describe('an artifact', () => {
  test('is taken from a file in any order, and from a folder', async ({ root, store }) => {
    const source = await makeInstance(store.layout, 'web', { thin: true });
    const { archive, report } = await exported(store.layout, 'web');
    const other = await otherStore(root);
    const file = join(root, '..', 'copied.tar');
    await writeFile(file, await copied(archive));
    const one = await importInstance({ layout: other, from: file, name: 'one' });
    const folder = join(root, '..', 'oci');
    await mkdir(folder);
    await run('tar', ['xf', file, '-C', folder]);
    const two = await importInstance({ layout: other, from: folder, name: 'two' });
    expect([one.digest, two.digest]).toEqual([report.digest, report.digest]);
    for (const name of ['one', 'two'])
      expect(await areSame(source.disk, other.instance(name).disk)).toBe(true);
    const [blob = ''] = await readdir(join(folder, 'blobs', 'sha256'));
    await rm(join(folder, 'blobs', 'sha256', blob));
    await expect(
      importInstance({ layout: other, from: folder, name: 'three' }),
    ).rejects.toMatchObject({ code: 'ARTIFACT_INVALID' });
    expect(await readdir(other.staging)).toEqual([]);
  });

  test('comes through a pipe without order only while it is small', async ({ root, store }) => {
    await makeInstance(store.layout, 'web');
    const { archive } = await exported(store.layout, 'web', { compression: 'gzip' });
    const other = await otherStore(root);
    await imported(other, await copied(archive));
    await fillWithNoise(await makeInstance(store.layout, 'big', { data: 0 }), 20);
    const big = await exported(store.layout, 'big', { compression: 'none' });
    await expect(imported(other, await copied(big.archive))).rejects.toMatchObject({
      code: 'ARTIFACT_INVALID',
      hint: 'Write it to a file first, and import that.',
    });
  });

  test('is written to a file whole or not at all', async ({ root, store }) => {
    const source = await makeInstance(store.layout, 'web', { data: 0 });
    await fillWithNoise(source, 8);
    const folder = join(root, '..', 'out');
    await mkdir(folder);
    const target = join(folder, 'web.tar');
    await writeFile(target, 'old');
    const controller = new AbortController();
    const onProgress = (): void => controller.abort();
    await expect(
      exportInstance({
        layout: store.layout,
        name: 'web',
        target,
        work: { signal: controller.signal, onProgress },
      }),
    ).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await readdir(folder)).toEqual(['web.tar']);
    await exportInstance({ layout: store.layout, name: 'web', target });
    const other = await otherStore(root);
    await importInstance({ layout: other, from: target });
    expect(await areSame(source.disk, other.instance('web').disk)).toBe(true);
    await expect(
      exportInstance({ layout: store.layout, name: 'web', target: folder }),
    ).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(
      importInstance({ layout: other, from: join(folder, 'nope') }),
    ).rejects.toMatchObject({ code: 'IO_ERROR' });
  });

  test('gets no end when the disk changes while it is written', async ({ root, store }) => {
    const source = await makeInstance(store.layout, 'web', { data: 0 });
    await fillWithNoise(source, 8);
    const pieces: Buffer[] = [];
    await expect(
      exportInstance({
        layout: store.layout,
        name: 'web',
        compression: 'none',
        target: async (bytes) => {
          pieces.push(Buffer.from(bytes));
          if (pieces.length !== 20) return;
          await using file = await open(source.disk, 'r+');
          await file.write(Buffer.alloc(512, 3), 0, 512, 200_000);
          await file.sync();
        },
      }),
    ).rejects.toMatchObject({ code: 'INSTANCE_CHANGED' });
    const other = await otherStore(root);
    await expect(imported(other, Buffer.concat(pieces))).rejects.toMatchObject({
      code: 'ARTIFACT_INVALID',
    });
  });

  test('is given up at once when it does not come', async ({ root }) => {
    const other = await otherStore(root);
    const controller = new AbortController();

    async function* never(): AsyncGenerator<Buffer, void> {
      await setTimeout(3_600_000, undefined, { ref: false });
      yield Buffer.alloc(0);
    }
    const importing = importInstance({
      layout: other,
      from: never(),
      work: { signal: controller.signal },
    });
    controller.abort();
    await expect(importing).rejects.toMatchObject({ code: 'ABORTED' });
  });
});

describe.runIf(canLoopMount)('into a full disk', () => {
  test('nothing is imported, and nothing is left', async ({ store }) => {
    await fillWithNoise(await makeInstance(store.layout, 'web', { data: 0 }), 24);
    const { archive } = await exported(store.layout, 'web', { compression: 'none' });
    await withLoopMount('ext4', 64, async (folder) => {
      const full = new StoreLayout(join(folder, 'store'));
      await initialiseStore(full);
      await makeInstance(full, 'mine', { data: 0 });
      fillUp(folder, 8 * 1024 ** 2);
      const before = await hashTree(full.root);
      await expect(imported(full, archive)).rejects.toMatchObject({ code: 'DISK_FULL' });
      expect(await hashTree(full.root)).toEqual(before);
      // It becomes full on the way.
      await rm(join(folder, 'filler'));
      const filling = (async function* () {
        let at = 0;
        for await (const piece of inPieces(archive)) {
          yield piece;
          at += piece.length;
          if (at > 4 * 1024 ** 2 && at < 4.1 * 1024 ** 2) fillUp(folder);
        }
      })();
      await expect(importInstance({ layout: full, from: filling })).rejects.toMatchObject({
        code: 'DISK_FULL',
      });
      for (const name of ['filler', 'last']) await rm(join(folder, name), { force: true });
      expect(await hashTree(full.root)).toEqual(before);
      expect(await readdir(dirname(full.instance('mine').path))).toEqual(['mine']);
    });
  });

  test('goes from ext4 to btrfs and XFS', async ({ store }) => {
    const source = await makeInstance(store.layout, 'web', { thin: true, tags: 1 });
    const { archive } = await exported(store.layout, 'web');
    for (const fileSystem of ['btrfs', 'xfs'] as const) {
      await withLoopMount(fileSystem, 320, async (folder) => {
        const layout = new StoreLayout(join(folder, 'store'));
        await initialiseStore(layout);
        await imported(layout, archive);
        expect(await areSame(source.disk, layout.instance('web').disk)).toBe(true);
      });
    }
  });
});
