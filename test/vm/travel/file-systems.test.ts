import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { run } from '../../../src/process/run.js';
import { initialiseStore } from '../../../src/store/format.js';
import { StoreLayout } from '../../../src/store/layout.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { openStore } from '../../../src/vm/virtual-machine-store.js';
import { realRegistry } from '../../registry/real-registry.js';
import { fillUp } from '../../support/fill-up.js';
import { canLoopMount, withLoopMount } from '../../support/loop-mount.js';
import { expectRefusal } from '../../support/refusal.js';
import { snapshotRecord, writeSnapshot } from '../../support/snapshot-record.js';
import { expectSoundStore } from '../../support/sound-store.js';
import { makeInstance } from '../../support/store-fixture.js';
import { convertTo, importing, makeOva, makeRaw } from '../foreign/support.js';
import { pulled, pushed } from './registry-support.js';
import { exported, imported } from './support.js';

const MIB = 1024 ** 2;

async function storeIn(folder: string): Promise<StoreLayout> {
  const layout = new StoreLayout(join(folder, 'store'));
  await initialiseStore(layout);
  return layout;
}

/** `export NAME - | import -`, of one store to another. */
async function throughPipe(from: StoreLayout, to: StoreLayout): Promise<void> {
  const pipe = new PassThrough();
  const vm = await openStore(from.root).get('web');
  const [, copy] = await Promise.all([
    vm.export(pipe).finally(() => pipe.end()),
    openStore(to.root).import(pipe),
  ]);
  expect(copy.name).toBe('web');
}

describe.runIf(canLoopMount)('an instance that goes through a pipe', () => {
  it('from ext4 to btrfs to XFS has the data and the snapshots that it had', async () => {
    await withLoopMount('ext4', 64, async (ext4) => {
      await withLoopMount('btrfs', 128, async (btrfs) => {
        await withLoopMount('xfs', 320, async (xfs) => {
          const [one, two, three] = [await storeIn(ext4), await storeIn(btrfs), await storeIn(xfs)];
          const source = await makeInstance(one, 'web', { thin: true, tags: 1 });
          const { interfaces } = readInstance(one, 'web').spec;
          await writeSnapshot(source, snapshotRecord(1, { interfaces }));
          await throughPipe(one, two);
          await throughPipe(two, three);
          const { dir, disk } = readInstance(three, 'web');
          await run('qemu-img', ['compare', '-q', source.disk, dir.disk]);
          expect(disk.snapshots.map(({ name }) => name)).toEqual(['@s1']);
          for (const [at, path] of [source.disk, dir.disk].entries()) {
            await run('qemu-img', ['snapshot', '-a', '@s1', path]);
            if (at === 1) await run('qemu-img', ['compare', '-q', source.disk, path]);
          }
          expect(await expectSoundStore(three)).toEqual(['web']);
        });
      });
    });
  }, 240_000);
});

describe.runIf(canLoopMount)('on a disk that is full', () => {
  it('nothing is left of what comes, of whatever kind, before it or when it runs out', async () => {
    await withLoopMount('ext4', 64, async (folder) => {
      const layout = await storeIn(folder);
      const store = openStore(layout.root);
      await makeInstance(layout, 'mine', { data: 0 });
      // What comes lies elsewhere.
      await withLoopMount('ext4', 128, async (outside) => {
        const raw = await makeRaw(join(outside, 'plain.img'), 24);
        await run('dd', [
          'if=/dev/urandom',
          `of=${raw}`,
          'bs=1M',
          'count=20',
          'seek=2',
          'conv=notrunc',
        ]);
        const vmdk = await convertTo('vmdk', [raw, join(outside, 'plain.vmdk')]);
        const ova = await makeOva(join(outside, 'parts'), raw, join(outside, 'shop.ova'));
        const home = await storeIn(outside);
        const web = await makeInstance(home, 'web', { data: 0 });
        await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, web.disk]);
        const { archive } = await exported(home, 'web', { compression: 'none' });
        await using registry = await realRegistry();
        const reference = `${registry.host}/full/web:1`;
        await pushed(home, 'web', reference);
        const arrivals: readonly (readonly [string, () => Promise<unknown>])[] = [
          ['vmdk', () => importing(layout, vmdk)],
          ['ova', () => importing(layout, ova)],
          ['archive', () => imported(layout, archive)],
          ['registry', () => pulled(layout, reference)],
          ['folder', () => importing(layout, web.path)],
        ];
        // Room for less than the disk; then for so little that records do not fit, either.
        for (const leave of [12 * MIB, 5 * MIB, 0]) {
          fillUp(folder, leave);
          for (const [, arrival] of arrivals) await expectRefusal(store, arrival, 'DISK_FULL');
          expect(await readdir(layout.staging)).toEqual([]);
        }
        await run('rm', ['-f', join(folder, 'filler'), join(folder, 'last')]);
        await mkdir(join(folder, 'x'));
        await writeFile(join(folder, 'x', 'y'), '');
        await importing(layout, web.path);
        expect(await expectSoundStore(layout)).toEqual(['mine', 'web']);
      });
    });
  }, 240_000);
});
