import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../../src/process/run.js';
import { guestImage } from '../support/guests.js';
import { provenUpTo } from '../support/proof.js';
import { withGuestStore, type GuestStore } from '../e2e/guests/support.js';
import { forEachCrashPoint } from './crash-points.js';
import { FREEZING, victimOf, type Casualties } from './live-clone-scenario.js';
import { expectStruck, publishing } from './struck.js';
import { launchWorking, warmCloneScenario } from './warm-clone-scenario.js';

/** Each takes seconds, and leaves bases below the guest; one that is gone has to boot again after each. */
const KILLS: readonly { readonly casualties: Casualties; readonly every: number }[] = [
  { casualties: 'nobody else', every: 7 },
  { casualties: 'its guard, too', every: 20 },
  { casualties: 'its guard and QEMU, too', every: 60 },
];

describe('a clone with memory that is killed at many a step', () => {
  it.for(KILLS)(
    'leaves a guest that goes on, and a clone that is its own machine, or none: $casualties',
    { timeout: 7_200_000 },
    async ({ casualties, every }) => {
      await withWorkingGuest(async (guests) => {
        const { layout, ok, sh } = guests;
        const figures = await forEachCrashPoint(warmCloneScenario(guests, casualties), {
          concurrency: 1,
          every,
          main: victimOf(casualties),
        });
        expectStruck(figures, [...FREEZING, ...publishing('copy')], { every });
        await sh('web', 'touch enough; while [ ! -s last ]; do sleep 0.2; done; sync');
        const last = Number(await sh('web', 'cat last'));
        await ok(['stop', 'web']);
        await run('qemu-img', ['check', '-q', layout.instance('web').disk]);
        expect(await provenUpTo(layout.instance('web').disk)).toBe(last);
      });
    },
  );
});

async function withWorkingGuest(use: (guests: GuestStore) => Promise<void>): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'multipass-ts-warm-'));
  try {
    await withGuestStore(
      await guestImage('tiny'),
      { root: join(home, 'store') },
      async (guests) => {
        await guests.ok(['set', 'local.network=user']);
        await launchWorking(guests);
        await use(guests);
      },
    );
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
