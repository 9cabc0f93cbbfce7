import { existsSync } from 'node:fs';
import { lstat, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { run } from '../../src/process/run.js';
import { LEFT_OVER_RECORD } from '../../src/files/record.js';
import { runStateOf } from '../../src/qemu/run-state.js';
import { SOCKETS } from '../../src/qemu/machine.js';
import { StoreLayout } from '../../src/store/layout.js';
import { listInstances } from '../../src/vm/list-instances.js';
import { COMMAND } from '../support/bin.js';
import {
  bootBlank,
  expectPattern,
  killQemu,
  withQmp,
  writeAsGuest,
  type Pattern,
} from '../support/blank-machine.js';
import { multipass, withoutPhases } from '../support/command.js';
import { makeInstance } from '../support/store-fixture.js';
import type { CrashPoint, CrashScenario } from './crash-points.js';
import { makeTemplate, type StoreContext } from './store-scenario.js';

const CLUSTER = 64 * 1024;
/** What the guest has written before it is cloned, and afterwards: over it in part, and beside it. */
export const BEFORE: Pattern = { pattern: 0xa1, offset: 8 * CLUSTER, bytes: 4 * CLUSTER };
export const OVER: Pattern = { pattern: 0xb2, offset: 9 * CLUSTER, bytes: 4096 };
const BESIDE: Pattern = { pattern: 0xc3, offset: 20 * CLUSTER, bytes: 4096 };
/** The rest of the cluster that was written into, which has to come from below. */
export const REST: Pattern = { ...BEFORE, offset: 9 * CLUSTER + 4096, bytes: CLUSTER - 4096 };

/** How soon a guest runs again after a kill. */
const RUNS_AGAIN_MS = 2000;

/** A store with an instance that a QEMU can be started for. */
export async function liveTemplate(): Promise<string> {
  return await makeTemplate(async (layout) => {
    await makeInstance(layout, 'web', { data: 1, thin: true, spec: { memory: 128 * 1024 ** 2 } });
  });
}

/** Who is gone besides the command that is struck. */
export type Casualties = 'nobody else' | 'its guard, too' | 'its guard and QEMU, too';

/** Which live clones are killed, and every how many steps where that has to be quick. */
export interface LiveKills {
  readonly how: 'linked' | 'independent';
  readonly casualties: Casualties;
  readonly every: number;
}

export const LIVE_KILLS: readonly LiveKills[] = [
  { how: 'linked', casualties: 'nobody else', every: 4 },
  { how: 'linked', casualties: 'its guard, too', every: 7 },
  { how: 'linked', casualties: 'its guard and QEMU, too', every: 7 },
  { how: 'independent', casualties: 'nobody else', every: 9 },
];

/** The guard is a child of the command, and is killed with all of them. */
export function victimOf(casualties: Casualties): 'main' | 'all' {
  return casualties === 'nobody else' ? 'main' : 'all';
}

/** The order that the source's content rests on. */
export const FREEZING: readonly string[] = [
  'fsync store/instances/web',
  'rename store/instances/web/disk.qcow2.new store/instances/web/disk.qcow2',
  'fsync store/instances/web',
];

/**
 * `clone web --live …` of a running instance, killed: its guest runs on within two seconds; when its QEMU is gone as
 * well, the next command finds a disk that holds all of it.
 */
export function liveCloneScenario(
  template: string,
  { how, casualties }: Pick<LiveKills, 'how' | 'casualties'>,
): CrashScenario<StoreContext> {
  const words = ['clone', 'web', '--live', '--name', 'copy'];
  return {
    ...whileItRuns(template, [...words, ...(how === 'linked' ? ['--linked'] : [])]),
    check: async (context, point) => await check(context, point, casualties),
  };
}

/** A command that is run while the instance of the template runs, and has written {@link BEFORE}. */
export function whileItRuns(
  template: string,
  words: readonly string[],
): Omit<CrashScenario<StoreContext>, 'check'> {
  return {
    async prepare() {
      const folder = await mkdtemp(join(tmpdir(), 'multipass-ts-live-'));
      await run('cp', ['-a', '--', `${template}/.`, folder]);
      const layout = new StoreLayout(join(folder, 'store'));
      await bootBlank(layout, 'web');
      await writeAsGuest(layout.instance('web'), BEFORE);
      return { folder, layout };
    },
    command: ({ folder, layout }) => ({
      argv: [...COMMAND, ...words],
      root: folder,
      env: { MULTIPASS_STORAGE: layout.root, MULTIPASS_TS_CODE_CACHE: '' },
    }),
    async dispose({ folder, layout }) {
      await killQemu(layout.instance('web'));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function check(
  { layout }: StoreContext,
  { strike, run: { exitCode, stderr } }: CrashPoint,
  casualties: Casualties,
): Promise<void> {
  const web = layout.instance('web');
  const isQemuGone = casualties === 'its guard and QEMU, too';
  if (strike === 'none') expect([exitCode, withoutPhases(stderr)]).toEqual([0, '']);
  if (isQemuGone) await killQemu(web);
  // The one command that comes next; with a guard it is not needed for the guest to run.
  if (casualties === 'nobody else') await expectRunsSoon(layout);
  const names = (await listInstances(layout)).map(({ name }) => name);
  expect([['web'], ['copy', 'web']]).toContainEqual(names);
  if (exitCode === 0) expect(names).toContain('copy');
  const next = await multipass(['clone', 'web', '--live', '--linked', '-n', 'next'], {
    store: layout.root,
  });
  const how = isQemuGone ? 'web to next' : 'running web to next, as after a power cut';
  expect(next).toEqual({ stdout: `Cloned from ${how}.\n`, stderr: '', exitCode: 0 });
  if (isQemuGone) await bootBlank(layout, 'web');
  await expectRunsSoon(layout);
  await expectNothingLeft(layout);
  await writeAsGuest(web, OVER);
  await writeAsGuest(web, BESIDE);
  await killQemu(web);
  for (const pattern of [OVER, BESIDE, REST]) await expectPattern(web.disk, pattern);
  for (const name of names.filter((one) => one !== 'web').concat('next')) {
    const { disk } = layout.instance(name);
    await run('qemu-img', ['check', '-q', disk]);
    await expectPattern(disk, BEFORE);
    await expectPattern(disk, { ...BESIDE, pattern: 0 });
  }
  await run('qemu-img', ['check', '-q', '-U', web.disk]);
}

/** The guest runs, and nothing is on record of it any more, within two seconds. */
export async function expectRunsSoon(layout: StoreLayout): Promise<void> {
  const web = layout.instance('web');
  const began = performance.now();
  for (;;) {
    const state = await withQmp(web, runStateOf);
    const isSettled = state === 'running' && !existsSync(web.pending);
    if (isSettled) return;
    const passed = performance.now() - began;
    expect(passed, `it is ${state} after ${passed} ms`).toBeLessThan(RUNS_AGAIN_MS);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** One head with one name, and nothing of what it took to get there. */
async function expectNothingLeft(layout: StoreLayout): Promise<void> {
  const web = layout.instance('web');
  expect((await lstat(web.disk)).nlink).toBe(1);
  const files = (await readdir(web.path)).filter(
    (file) => !file.startsWith('base-') && !LEFT_OVER_RECORD.test(file),
  );
  expect(files.toSorted()).toEqual([
    'cloud-init-config.iso',
    'disk.qcow2',
    'image-record.json',
    'lock',
    'run',
    'spec.json',
  ]);
  const sockets = await readdir(web.runFile(SOCKETS));
  expect(sockets.filter((file) => !file.endsWith('.sock'))).toEqual([]);
  expect(await readdir(layout.staging)).toEqual([]);
}
