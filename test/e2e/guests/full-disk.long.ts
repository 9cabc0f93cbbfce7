import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { run } from '../../../src/process/run.js';
import { runStateOf } from '../../../src/qemu/run-state.js';
import { openMonitor } from '../../../src/vm/run/monitor.js';
import { guestImage } from '../../support/guests.js';
import { hashTree } from '../../support/hash-tree.js';
import { canLoopMount, withLoopMount } from '../../support/loop-mount.js';
import type { RunningCommand } from '../../support/command.js';
import { expectNothingLeft, withGuestStore, type GuestStore } from './support.js';

vi.setConfig({ testTimeout: 360_000 });

/** The store, what is in its way at first, and what the guest writes each time: MiB. */
const SIZE = 200;
const BALLAST = 100;
const FILL = 90;

/** Where nothing can be mounted, a guest is not made to believe that the disk is full. */
const onFullDisk = canLoopMount ? withFullDisk : undefined;

async function withFullDisk(use: (guests: GuestStore) => Promise<void>): Promise<void> {
  const image = await guestImage('tiny');
  await withLoopMount('ext4', SIZE, async (folder) => {
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
    await writeFile(ballast, Buffer.alloc(BALLAST * 1024 ** 2));
    const filling = fill(guests, '/first');
    await standsStill(guests, 'web');
    expect(await guests.multipass(['stop', 'web'])).toMatchObject({
      stderr: expect.stringContaining(
        '"web" stands still: there is no space left for what it writes\n',
      ) as string,
      exitCode: 2,
    });
    expect(await guests.ok(['list', '--no-ipv4'])).toMatch(/^web +Running /m);
    for (const command of ['list', 'info', 'start'] as const) {
      const { stdout, stderr } = await guests.multipass([
        command,
        ...(command === 'start' ? ['web'] : []),
      ]);
      expect(stderr).toContain('"web" stands still: there is no space left for what it writes\n');
      expect(stderr).toContain('let it go on with `multipass start web`');
      if (command !== 'start') expect(stdout).toContain('Unknown');
    }

    await run('rm', [ballast]);
    await guests.ok(['start', 'web']);
    expect((await filling.finished).exitCode).toBe(0);
    expect(await guests.sh('web', 'cat data; stat -c %s /first')).toBe(
      `precious\n${FILL * 1024 ** 2}`,
    );

    const stuck = fill(guests, '/second');
    await standsStill(guests, 'web');
    await guests.ok(['stop', '--force', 'web']);
    expect((await stuck.finished).exitCode).toBe(255);
    await expectNothingLeft(layout, { web: 'Stopped', other: 'Stopped' });
    expect(await hashTree(layout.instance('other').path)).toEqual(other);
    await guests.ok(['delete', '--purge', 'web']);
    await expectNothingLeft(layout, { other: 'Stopped' });
    await run('qemu-img', ['check', '-q', layout.instance('other').disk]);
  });
});

/** Begins to write a file of zeros in the guest, to its end. */
function fill(guests: GuestStore, path: string): RunningCommand {
  const words = ['dd', 'if=/dev/zero', `of=${path}`, 'bs=1M', `count=${FILL}`, 'conv=fsync'];
  return guests.begin(['exec', 'web', '--', 'sudo', ...words]);
}

/** Resolves once QEMU has stopped the guest, because what it writes does not fit. */
async function standsStill({ layout }: GuestStore, name: string): Promise<void> {
  await vi.waitFor(
    async () => {
      await using client = await openMonitor(layout.instance(name));
      expect(await runStateOf(client)).toBe('io-error');
    },
    { timeout: 150_000, interval: 500 },
  );
}
