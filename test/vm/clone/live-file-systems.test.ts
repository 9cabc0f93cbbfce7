import { existsSync, readdirSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../../../src/process/run.js';
import { SOCKETS } from '../../../src/qemu/machine.js';
import { runStateOf } from '../../../src/qemu/run-state.js';
import { initialiseStore } from '../../../src/store/format.js';
import { StoreLayout } from '../../../src/store/layout.js';
import { cloneInstance } from '../../../src/vm/clone/clone-instance.js';
import { isLiveName } from '../../../src/vm/live/live-names.js';
import {
  bootBlank,
  expectPattern,
  killQemu,
  withQmp,
  writeAsGuest,
} from '../../support/blank-machine.js';
import { fillUp } from '../../support/fill-up.js';
import { canLoopMount, withLoopMount, type LoopFileSystem } from '../../support/loop-mount.js';
import { BEFORE, expectApart, OVER, type RunningWeb } from '../../support/running-web.js';
import { makeInstance, type HandMade } from '../../support/store-fixture.js';

const MIB = 1024 ** 2;

/** The instance "web" runs in a file system of its own, and has written {@link BEFORE}. */
async function withWeb(
  { kind, mebibytes }: { readonly kind: LoopFileSystem; readonly mebibytes: number },
  made: HandMade,
  use: (web: RunningWeb & { readonly folder: string }) => Promise<void>,
): Promise<void> {
  await withLoopMount(kind, mebibytes, async (folder) => {
    const layout = new StoreLayout(join(folder, 'store'));
    await initialiseStore(layout);
    const dir = await makeInstance(layout, 'web', { spec: { memory: 128 * MIB }, ...made });
    try {
      await bootBlank(layout, 'web');
      await writeAsGuest(dir, BEFORE);
      await use({ layout, dir, folder });
    } finally {
      await killQemu(dir);
    }
  });
}

/** Its guest runs on, and neither QEMU nor the store has anything of a clone. */
async function expectNothingLeft({ layout, dir }: RunningWeb): Promise<void> {
  expect(await readdir(layout.instances)).toEqual(['web']);
  expect(await readdir(layout.staging)).toEqual([]);
  expect(existsSync(dir.pending)).toBe(false);
  await withQmp(dir, async (client) => {
    expect(await runStateOf(client)).toBe('running');
    expect(await client.execute('query-jobs')).toEqual([]);
    const nodes = (await client.execute('query-named-block-nodes')) as { 'node-name': string }[];
    expect(nodes.map((node) => node['node-name']).filter(isLiveName)).toEqual([]);
  });
}

describe.runIf(canLoopMount)('a live clone', () => {
  it('shares the extents of the head where files can', async () => {
    await withWeb({ kind: 'xfs', mebibytes: 320 }, { data: 8 }, async (web) => {
      const { layout } = web;
      const report = await cloneInstance({ layout, source: 'web', live: true });
      expect(report).toMatchObject({ strategy: 'reflink', consistency: 'crash', bytesToCopy: 0 });
      const disk = layout.instance('web-clone1').disk;
      const { stdout } = await run('filefrag', ['-v', disk]);
      expect(stdout).toContain('shared');
      await cloneInstance({ layout, source: 'web', live: true, linked: true });
      await expectApart(web, ['web-clone1', 'web-clone2']);
    });
  });

  it('that does not fit is refused before the work', async () => {
    await withWeb({ kind: 'ext4', mebibytes: 64 }, { data: 24 }, async (web) => {
      const { layout, folder } = web;
      fillUp(folder, 12 * MIB);
      const cloning = cloneInstance({ layout, source: 'web', live: true });
      await expect(cloning).rejects.toMatchObject({ code: 'DISK_FULL' });
      await expectNothingLeft(web);
    });
  });

  it('whose job fails is no clone, and the guest runs on', async () => {
    const made = { data: 0, spec: { memory: 128 * MIB, disk: 64 * MIB } };
    await withWeb({ kind: 'ext4', mebibytes: 256 }, made, async (web) => {
      const { layout, dir, folder } = web;
      for (let at = 16; at < 64; at += 16) {
        await writeAsGuest(dir, { pattern: at, offset: at * MIB, bytes: 16 * MIB });
      }
      const request = { layout, source: 'web', live: true };
      const cloning = cloneInstance(request);
      // It was found to fit, and all that is written besides is there, when QEMU is given the file.
      const filling = setInterval(() => {
        if (!readdirSync(dir.runFile(SOCKETS)).some(isLiveName)) return;
        clearInterval(filling);
        fillUp(folder);
      }, 1);
      await expect(cloning).rejects.toMatchObject({
        code: 'DISK_FULL',
        message: expect.stringContaining('"blockdev-backup"') as string,
      });
      await expectNothingLeft(web);
      await rm(join(folder, 'filler'));
      await cloneInstance(request);
      await writeAsGuest(dir, OVER);
      await killQemu(dir);
      for (let at = 16; at < 64; at += 16) {
        const there = { pattern: at, offset: at * MIB, bytes: 16 * MIB };
        await expectPattern(layout.instance('web-clone1').disk, there);
        await expectPattern(dir.disk, there);
      }
      await expectPattern(layout.instance('web-clone1').disk, BEFORE);
    });
  });
});
