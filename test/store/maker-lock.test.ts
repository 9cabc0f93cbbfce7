import { randomUUID } from 'node:crypto';
import { readdirSync, readlinkSync } from 'node:fs';
import { mkdir, readdir, rename, utimes, writeFile } from 'node:fs/promises';
import { describe, expect, vi } from 'vitest';
import type { StoreLayout } from '../../src/store/layout.js';
import { MakerLock, isMakerAtWork, sweepMakerLocks } from '../../src/store/maker-lock.js';
import { makerOf, newToken } from '../../src/store/maker-token.js';
import { withStagedFolder } from '../../src/store/staged-folder.js';
import { StagedInstance } from '../../src/store/staging.js';
import { sweep } from '../../src/store/sweep.js';
import { rowsOfFolder } from '../../src/vm/macs.js';
import { publishStaged } from '../support/publish-staged.js';
import { test } from '../support/worker-fixture.js';

const MACHINE = 0;
const BOOT = 1;

/** What a maker has in staging, and its lock, look as if they were made elsewhere: that token. */
async function appearElsewhere(layout: StoreLayout, token: string, field: number): Promise<string> {
  const other = token.split('.').with(field, '0123456789ab').join('.');
  await rename(layout.staged(token), layout.staged(other));
  await rename(layout.makerLock(makerOf(token)), layout.makerLock(makerOf(other)));
  return other;
}

async function age(path: string, days: number): Promise<void> {
  const then = new Date(Date.now() - days * 24 * 60 * 60 * 1000);
  await utimes(path, then, then);
}

/** What a descriptor of this process is open at; '' for the one that has just listed them. */
function targetOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}

describe('the lock of a maker', () => {
  test('is there while anything is in the making, and goes with the last of it', async ({
    store: { layout },
  }) => {
    const lock = [`${makerOf(newToken())}.maker`];
    const [first, second] = [
      await StagedInstance.create(layout, randomUUID(), null),
      await StagedInstance.create(layout, randomUUID(), null),
    ];
    expect(await readdir(layout.locks)).toEqual(lock);
    await writeFile(first.file('data'), 'data');
    await publishStaged(first, 'web');
    await first.discard();
    expect(await readdir(layout.locks)).toEqual(lock);
    await second.discard();
    await second.discard();
    expect(await readdir(layout.locks)).toEqual([]);
    const what = { doing: 'try it', path: layout.staging };
    const seen = await withStagedFolder(layout, what, () => readdir(layout.locks));
    expect(seen).toEqual(lock);
    expect(await readdir(layout.locks)).toEqual([]);
  });

  test('is one, however many begin at the same moment', async ({ store: { layout } }) => {
    const path = layout.makerLock(makerOf(newToken()));
    const openHere = (): number =>
      readdirSync('/proc/self/fd').filter((fd) => targetOf(fd).startsWith(path)).length;
    const locks = await Promise.all(Array.from({ length: 8 }, () => MakerLock.hold(layout)));
    expect(openHere()).toBe(1);
    for (const lock of locks.slice(1)) await lock.release();
    expect(await isMakerAtWork(layout, newToken())).toBe(true);
    await locks[0]?.release();
    expect(openHere()).toBe(0);
    expect(await readdir(layout.locks)).toEqual([]);
  });

  test('is made anew in a store that was made anew', async ({ store: { layout } }) => {
    await using old = await MakerLock.hold(layout);
    await rename(layout.locks, `${layout.locks}-old`);
    await mkdir(layout.locks);
    await using lock = await MakerLock.hold(layout);
    expect(await isMakerAtWork(layout, newToken())).toBe(true);
  });

  test('is done without where there is no flock(1)', async ({ root, store: { layout } }) => {
    vi.stubEnv('PATH', root);
    const staged = await StagedInstance.create(layout, randomUUID(), null);
    await staged.discard();
    expect(await readdir(layout.locks)).toEqual([]);
  });
});

describe('a sweep', () => {
  test('leaves what a living host with our machine-id makes, and removes it when that is dead', async ({
    store: { layout },
    start,
  }) => {
    const maker = start('stage');
    const token = await appearElsewhere(layout, String(await maker.next()), BOOT);
    const sweepAll = async (): Promise<void> => {
      await sweep(layout, rowsOfFolder);
      await sweepMakerLocks(layout);
    };
    await sweepAll();
    expect(await readdir(layout.staging)).toEqual([token]);
    expect(await readdir(layout.locks)).toEqual([`${makerOf(token)}.maker`]);
    await maker.kill();
    await sweepAll();
    expect(await readdir(layout.staging)).toEqual([]);
    expect(await readdir(layout.macs)).toEqual([]);
    expect(await readdir(layout.locks)).toEqual([]);
  });

  test('leaves what another machine makes, whatever the clocks say', async ({
    store: { layout },
    start,
  }) => {
    const maker = start('stage');
    const token = await appearElsewhere(layout, String(await maker.next()), MACHINE);
    await age(layout.staged(token), 2);
    await sweep(layout, rowsOfFolder);
    expect(await readdir(layout.staging)).toEqual([token]);
    await maker.kill();
    await sweep(layout, rowsOfFolder);
    expect(await readdir(layout.staging)).toEqual([]);
    expect(await readdir(layout.locks)).toEqual([]);
  });

  test('removes the lock of a maker of ours that was killed', async ({
    store: { layout },
    start,
  }) => {
    const maker = start('stage');
    await maker.next();
    await sweepMakerLocks(layout);
    expect(await readdir(layout.locks)).toHaveLength(1);
    await maker.kill();
    await sweepMakerLocks(layout);
    expect(await readdir(layout.locks)).toEqual([]);
  });

  test('believes tokens of another boot that no lock belongs to', async ({ store: { layout } }) => {
    const token = newToken().split('.').with(BOOT, '0123456789ab').join('.');
    await mkdir(layout.staged(token));
    await sweep(layout, rowsOfFolder);
    expect(await readdir(layout.staging)).toEqual([]);
  });
});
