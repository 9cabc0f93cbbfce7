import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { expect, vi } from 'vitest';
import { readInstance } from '../../src/vm/read-instance.js';
import { listInstances } from '../../src/vm/list-instances.js';
import { expectNothingLeft, processesIn, type GuestStore } from '../e2e/guests/support.js';
import { killQemu } from '../support/blank-machine.js';
import { COMMAND } from '../support/bin.js';
import { PREPARE_PROOF, WRITE_PROOF } from '../support/proof.js';
import { withoutPhases } from '../support/command.js';
import type { CrashPoint, CrashScenario } from './crash-points.js';
import { expectRunsSoon, type Casualties } from './live-clone-scenario.js';

/** What a guest does all the time: it counts in its memory, and writes what its disk is proven by. */
const WORK =
  `rm -f enough last; (${WRITE_PROOF}) >/dev/null 2>&1 </dev/null & ` +
  '(n=0; while :; do n=$((n + 1)); echo $n >/dev/shm/count; sleep 0.2; done) >/dev/null 2>&1 </dev/null &';

/** Launches the guest that is cloned at each step: a boot for each would take hours. */
export async function launchWorking(guests: GuestStore): Promise<void> {
  await guests.launch('web');
  await begin(guests);
}

async function begin({ sh }: GuestStore): Promise<void> {
  await sh('web', PREPARE_PROOF);
  await sh('web', WORK);
}

/**
 * `clone web --warm` of a running guest, killed: the guest goes on within two seconds, what made the memory ends, and
 * there is a clone, which is a machine of its own when it is started, or there is none.
 */
export function warmCloneScenario(
  guests: GuestStore,
  casualties: Casualties,
): CrashScenario<GuestStore> {
  return {
    prepare: () => Promise.resolve(guests),
    command: ({ layout }) => ({
      argv: [...COMMAND, 'clone', 'web', '--warm', '--name', 'copy'],
      root: dirname(layout.root),
      env: { MULTIPASS_STORAGE: layout.root, MULTIPASS_TS_CODE_CACHE: '' },
    }),
    check: async (context, point) => await check(context, point, casualties),
    async dispose({ layout, ok }) {
      const made = (await listInstances(layout)).map(({ name }) => name);
      const clones = made.filter((name) => name !== 'web');
      if (clones.length > 0) await ok(['delete', '--purge', ...clones]);
    },
  };
}

async function check(
  guests: GuestStore,
  { strike, run: { exitCode, stderr } }: CrashPoint,
  casualties: Casualties,
): Promise<void> {
  const { layout, multipass, ok, sh } = guests;
  const web = layout.instance('web');
  const isQemuGone = casualties === 'its guard and QEMU, too';
  if (strike === 'none') {
    expect(exitCode).toBe(0);
    expect(withoutPhases(stderr)).toContain('what is in memory is the same');
  }
  if (isQemuGone) await killQemu(web);
  if (casualties === 'nobody else') await expectRunsSoon(layout);
  const names = (await listInstances(layout)).map(({ name }) => name);
  expect([['web'], ['copy', 'web']]).toContainEqual(names);
  if (exitCode === 0) expect(names).toContain('copy');
  // What makes the memory is nobody's by now.
  await vi.waitFor(() => {
    const left = processesIn(layout).filter(({ folder }) => folder.startsWith('staging'));
    expect(left).toEqual([]);
  }, 10_000);
  if (isQemuGone) {
    await ok(['start', 'web']);
    await begin(guests);
  }
  const next = await multipass(['clone', 'web', '--warm', '--name', 'next']);
  expect(next).toMatchObject({ exitCode: 0 });
  await expectRunsSoon(layout);
  const then = await count(guests, 'web');
  await vi.waitFor(async () => expect(await count(guests, 'web')).toBeGreaterThan(then), 10_000);
  const clones = names.filter((name) => name !== 'web');
  for (const name of clones) {
    expect(readInstance(layout, name).state).toBe('Suspended');
    await ok(['start', name]);
    expect(await sh(name, 'hostname')).toBe(name);
    expect(await count(guests, name)).toBeGreaterThan(0);
    expect(existsSync(layout.instance(name).ram)).toBe(false);
  }
  const running = Object.fromEntries(clones.map((name) => [name, 'Running'] as const));
  await expectNothingLeft(layout, { web: 'Running', next: 'Suspended', ...running });
}

async function count({ sh }: GuestStore, name: string): Promise<number> {
  return Number(await sh(name, 'cat /dev/shm/count'));
}
