import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { run } from '../../../src/exec.js';
import { guestImage } from '../../support/guests.js';
import { hashTree } from '../../support/hash-tree.js';
import { canLoopMount, withLoopMount } from '../../support/loop-mount.js';
import { expectNothingLeft, withGuestStore, type GuestStore } from './support.js';

vi.setConfig({ testTimeout: 360_000 });

/** A store that is full by the time the guest has written what it wants. */
const SIZE_MIB = 120;

/** Where nothing can be mounted, a guest is not made to believe that the disk is full. */
const onFullDisk = canLoopMount ? withFullDisk : undefined;

async function withFullDisk(use: (guests: GuestStore) => Promise<void>): Promise<void> {
  const image = await guestImage('tiny');
  await withLoopMount('ext4', SIZE_MIB, async (folder) => {
    const root = join(folder, 'store');
    await mkdir(root);
    await withGuestStore(image, { root }, use);
  });
}

test('a guest that fills the disk of the host stands still, and can be let on or stopped', async () => {
  await onFullDisk?.(async (guests) => {
    const { layout } = guests;
    await guests.launch('web');
    await guests.sh('web', 'echo precious >data; sync');
    await guests.ok(['stop', 'web']);
    await guests.ok(['clone', 'web', '--name', 'other']);
    const other = await hashTree(layout.instance('other').path);
    await guests.ok(['start', 'web']);

    const ballast = join(layout.root, '..', 'ballast');
    await writeFile(ballast, Buffer.alloc(10 * 1024 ** 2));
    const filling = guests.begin([
      'exec',
      'web',
      '--',
      'sudo',
      'dd',
      'if=/dev/zero',
      'of=/fill',
      'bs=1M',
      'count=180',
    ]);
    await vi.waitFor(async () => expect(await freeBlocks(layout.root)).toBe(0), {
      timeout: 120_000,
      interval: 500,
    });
    await vi.waitFor(
      async () => {
        expect(await guests.multipass(['stop', 'web'])).toMatchObject({
          stderr: expect.stringContaining(
            '"web" stands still: there is no space left for what it writes\n',
          ) as string,
          exitCode: 2,
        });
      },
      { timeout: 60_000, interval: 1000 },
    );
    expect(await guests.ok(['list', '--no-ipv4'])).toMatch(/^web +Running /m);

    await run('rm', [ballast]);
    await guests.ok(['start', 'web']);
    expect(await guests.sh('web', 'cat data')).toBe('precious');
    await vi.waitFor(async () => expect(await freeBlocks(layout.root)).toBe(0), {
      timeout: 120_000,
      interval: 500,
    });
    await guests.ok(['stop', '--force', 'web']);
    filling.signalGroup('SIGKILL');
    await filling.finished;
    await expectNothingLeft(layout, { web: 'Stopped', other: 'Stopped' });
    expect(await hashTree(layout.instance('other').path)).toEqual(other);
    await guests.ok(['delete', '--purge', 'web']);
    await expectNothingLeft(layout, { other: 'Stopped' });
    expect(await freeBlocks(layout.root)).toBeGreaterThan(0);
    await run('qemu-img', ['check', '-q', layout.instance('other').disk]);
    expect((await stat(layout.instance('other').disk)).size).toBeGreaterThan(0);
  });
});

async function freeBlocks(folder: string): Promise<number> {
  const { stdout } = await run('stat', ['-f', '-c', '%f', folder]);
  return Number(stdout);
}
