import { existsSync, readdirSync } from 'node:fs';
import { mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { run } from '../../../src/process/run.js';
import { INSTANCE_FILES } from '../../../src/store/instance-dir.js';
import { guestImage } from '../../support/guests.js';
import { canLoopMount, withLoopMount } from '../../support/loop-mount.js';
import { PREPARE_PROOF, provenUpTo, WRITE_PROOF } from '../../support/proof.js';
import { expectNothingLeft, withGuestStore, type GuestStore } from './support.js';

vi.setConfig({ testTimeout: 600_000 });

/** The store, and what is left of it when memory is saved: MiB. */
const SIZE = 600;
const LEFT = [1, 20, 60];

/** Where nothing can be mounted, a disk is not made full. */
test.runIf(canLoopMount)(
  'a disk that gets full while memory is saved leaves a guest that goes on, and nothing else',
  async () => {
    const image = await guestImage('tiny');
    await withLoopMount('ext4', SIZE, async (folder) => {
      const root = join(folder, 'store');
      await mkdir(root);
      await withGuestStore(image, { root }, async (guests) => {
        const { layout, ok, sh } = guests;
        await ok(['set', 'local.network=user']);
        await guests.launch('web', '--memory', '256M');
        await sh('web', PREPARE_PROOF);
        await sh('web', `rm -f enough last; (${WRITE_PROOF}) >/dev/null 2>&1 </dev/null &`);
        for (const left of LEFT) {
          const { exitCode, stderr } = await cloneOnFullDisk(guests, folder, left);
          expect({ left, exitCode, stderr }).toMatchObject({
            exitCode: 2,
            stderr: expect.stringContaining('no space left') as string,
          });
          await ok(['start', 'web']);
          await sh('web', 'n=$(cat /proc/uptime); sleep 1; [ "$n" != "$(cat /proc/uptime)" ]');
          await expectNothingLeft(layout, { web: 'Running' });
        }
        await sh('web', 'touch enough; while [ ! -s last ]; do sleep 0.2; done; sync');
        const last = Number(await sh('web', 'cat last'));
        await ok(['stop', 'web']);
        await run('qemu-img', ['check', '-q', layout.instance('web').disk]);
        expect(await provenUpTo(layout.instance('web').disk)).toBe(last);
      });
    });
  },
);

/** The disk is filled up, but for a few MiB, once it is known that the memory would fit. */
async function cloneOnFullDisk({ begin, layout }: GuestStore, folder: string, left: number) {
  const ballast = join(folder, 'ballast');
  const { finished } = begin(['clone', 'web', '--warm', '--name', 'never']);
  const isBegun = (): boolean =>
    readdirSync(layout.staging).some((one) =>
      existsSync(join(layout.staging, one, INSTANCE_FILES.ram)),
    );
  while (!isBegun()) await pause(2);
  const { bavail, bsize } = await statfs(folder);
  const bytes = bavail * bsize - left * 1024 ** 2;
  await run('fallocate', ['-l', String(bytes), ballast]);
  try {
    return await finished;
  } finally {
    await rm(ballast);
  }
}
