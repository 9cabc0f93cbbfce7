import { chmod, link, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { newToken } from '../../../src/store/maker-token.js';
import { sweep } from '../../../src/store/sweep.js';
import { rowsOfFolder } from '../../../src/vm/macs.js';
import { DownloadPlace } from '../../../src/vm/images/download-place.js';
import { purgeUnusedImages } from '../../../src/vm/images/purge-images.js';
import { listImages } from '../../../src/vm/images/vault.js';
import { makeInstance } from '../../support/store-fixture.js';
import { expectNothingLeft, processTest, test, until } from '../../support/image-fixture.js';

describe('purgeUnusedImages', () => {
  test('removes an image that no instance stands on, and no other', async ({
    layout,
    obtain,
    raw,
  }) => {
    const used = await obtain('24.04');
    const unused = await obtain(raw);
    const instance = await makeInstance(layout, 'web', { data: 0, seed: null });
    await link(used.dir.disk, instance.base(used.id));
    expect((await listImages(layout)).map(({ id }) => id)).toEqual([used.id, unused.id].sort());
    expect(await purgeUnusedImages(layout)).toEqual([unused.id]);
    expect(await readdir(layout.images)).toEqual([used.id]);
    expect(await purgeUnusedImages(layout)).toEqual([]);
    await expectNothingLeft(layout);
  });

  test('removes downloads that nobody is at, also one that is another name of an image', async ({
    layout,
    obtain,
    server,
  }) => {
    const { id, dir } = await obtain('24.04');
    await link(dir.disk, join(layout.downloads, `${id}.part`));
    await writeFile(join(layout.downloads, 'abandoned.part'), 'a beginning');
    await writeFile(join(layout.downloads, 'abandoned.lock'), '');
    await writeFile(join(layout.downloads, 'a note of the user'), '');
    expect(await purgeUnusedImages(layout)).toEqual([id]);
    expect(await readdir(layout.downloads)).toEqual(['a note of the user']);
    expect((await obtain('24.04')).id).toBe(id);
    expect(server.diskRequests).toHaveLength(2);
  });

  processTest(
    'leaves alone what a living process is at',
    async ({ layout, server, start, obtain, raw }) => {
      const idle = await obtain(raw);
      server.faults = { stallAfter: 500_000 };
      const busy = start('24.04');
      await until(async () =>
        (await readdir(layout.downloads)).some((name) => name.endsWith('.part')),
      );
      const place = await DownloadPlace.take(layout, idle.id, undefined);
      expect(await purgeUnusedImages(layout)).toEqual([]);
      expect(
        (await readdir(layout.downloads)).filter((name) => name.endsWith('.part')),
      ).toHaveLength(1);
      await place.release();
      await busy.kill();
      expect(await purgeUnusedImages(layout)).toEqual([idle.id]);
      await expectNothingLeft(layout);
    },
  );

  test('leaves what cannot be read alone, and lists it not', async ({ layout }) => {
    await mkdir(layout.image('damaged').path);
    await writeFile(layout.image('damaged').imageRecord, '{');
    expect(await listImages(layout)).toEqual([]);
    expect(await purgeUnusedImages(layout)).toEqual([]);
    expect(await readdir(layout.images)).toEqual(['damaged']);
  });
});

describe('sweep', () => {
  test('removes an image that a killed process was making', async ({ layout, obtain }) => {
    const { id } = await obtain('24.04');
    const dead = newToken().split('.').with(4, '1').join('.');
    for (const folder of [layout.staged(dead), layout.staged(newToken())]) {
      await mkdir(folder);
      await writeFile(join(folder, 'disk.qcow2'), 'half a disk');
      await chmod(join(folder, 'disk.qcow2'), 0o444);
    }
    await sweep(layout, rowsOfFolder);
    expect(await readdir(layout.staging)).toHaveLength(1);
    expect(await readdir(layout.trash)).toEqual([]);
    expect(await readdir(layout.images)).toEqual([id]);
  });
});
