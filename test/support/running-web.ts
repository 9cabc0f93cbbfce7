import { test as base } from './store-fixture.js';
import { run } from '../../src/process/run.js';
import { runStateOf } from '../../src/qemu/run-state.js';
import type { InstanceDir } from '../../src/store/instance-dir.js';
import type { StoreLayout } from '../../src/store/layout.js';
import { expect } from 'vitest';
import {
  bootBlank,
  expectPattern,
  killQemu,
  withQmp,
  writeAsGuest,
  type Pattern,
} from './blank-machine.js';
import { makeInstance, type HandMade } from './store-fixture.js';

/* Real QEMUs without a guest; what a guest would write is written by its drive. */

export const CLUSTER = 64 * 1024;
export const BEFORE: Pattern = { pattern: 0xa1, offset: 8 * CLUSTER, bytes: 4 * CLUSTER };
/** Into the middle of it: the rest of that cluster has to come from below. */
export const OVER: Pattern = { pattern: 0xb2, offset: 9 * CLUSTER + 4096, bytes: 4096 };
export const REST: Pattern = { ...BEFORE, offset: 9 * CLUSTER, bytes: 4096 };

/** The instance "web", which runs until the end of the test. */
export interface RunningWeb {
  readonly layout: StoreLayout;
  readonly dir: InstanceDir;
}

/** Each test may have the instance "web" run, which has written {@link BEFORE} then. */
export const test = base.extend<{ runWeb: (made?: HandMade) => Promise<RunningWeb> }>({
  runWeb: async ({ store: { layout } }, use) => {
    const dir = layout.instance('web');
    await use(async (made) => {
      await makeInstance(layout, 'web', {
        data: 1,
        thin: true,
        spec: { memory: 128 * 1024 ** 2 },
        ...made,
      });
      await bootBlank(layout, 'web');
      await writeAsGuest(dir, BEFORE);
      return { layout, dir };
    });
    await killQemu(dir);
  },
});

/** What the source writes is its own; and each of the clones has what was there before. */
export async function expectApart(
  { layout, dir }: RunningWeb,
  clones: readonly string[],
): Promise<void> {
  expect(await withQmp(dir, runStateOf)).toBe('running');
  await writeAsGuest(dir, OVER);
  await killQemu(dir);
  await run('qemu-img', ['check', '-q', dir.disk]);
  for (const pattern of [OVER, REST]) await expectPattern(dir.disk, pattern);
  for (const name of clones) {
    const { disk } = layout.instance(name);
    await run('qemu-img', ['check', '-q', disk]);
    await expectPattern(disk, BEFORE);
  }
}
