import { existsSync } from 'node:fs';
import { expect } from 'vitest';
import { run } from '../../src/process/run.js';
import { readInstance } from '../../src/vm/read-instance.js';
import { snapshotFileName } from '../../src/vm/records/snapshot-record.js';
import { listSnapshots } from '../../src/vm/snapshots/list-snapshots.js';
import { restoreSnapshot } from '../../src/vm/snapshots/restore-snapshot.js';
import { bootBlank, expectPattern, killQemu, writeAsGuest } from '../support/blank-machine.js';
import { multipass, withoutPhases } from '../support/command.js';
import type { CrashPoint, CrashScenario } from './crash-points.js';
import {
  BEFORE,
  expectRunsSoon,
  OVER,
  REST,
  whileItRuns,
  type Casualties,
} from './live-clone-scenario.js';
import type { StoreContext } from './store-scenario.js';
import { replacing } from './struck.js';

/** Which live snapshots are killed, and every how many steps where that has to be quick. */
export interface LiveSnapshotKills {
  readonly of: 'its disk' | 'its memory, too';
  readonly casualties: Casualties;
  readonly every: number;
}

export const LIVE_SNAPSHOT_KILLS: readonly LiveSnapshotKills[] = [
  { of: 'its disk', casualties: 'nobody else', every: 4 },
  { of: 'its disk', casualties: 'its guard, too', every: 6 },
  { of: 'its disk', casualties: 'its guard and QEMU, too', every: 6 },
  { of: 'its memory, too', casualties: 'nobody else', every: 7 },
  { of: 'its memory, too', casualties: 'its guard and QEMU, too', every: 7 },
];

/** Others see it when the disk has it, and never before. */
export const KEEPING: readonly string[] = [
  ...replacing('store/instances/web', 'pending.json'),
  'fsync store/instances/web/disk.qcow2',
  ...replacing('store/instances/web/snapshots', snapshotFileName(1)),
  ...replacing('store/instances/web', 'spec.json'),
  'unlink store/instances/web/pending.json',
  'fsync store/instances/web',
];

/**
 * `snapshot web --live` of a running instance, killed: its guest runs on, and there is a snapshot or there is none,
 * which the next one is taken beside.
 */
export function liveSnapshotScenario(
  template: string,
  { of, casualties }: Pick<LiveSnapshotKills, 'of' | 'casualties'>,
): CrashScenario<StoreContext> {
  const words = ['snapshot', 'web', '--live', '--name', 'hot'];
  return {
    ...whileItRuns(template, [...words, ...(of === 'its disk' ? [] : ['--memory'])]),
    check: async (context, point) => await check(context, point, casualties),
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
  if (casualties === 'nobody else') await expectRunsSoon(layout);
  const seen = await snapshotsOf(layout);
  expect([[], ['hot']]).toContainEqual(seen);
  if (exitCode === 0) expect(seen).toEqual(['hot']);
  if (casualties === 'nobody else') expect(tagsOf(layout)).toHaveLength(seen.length);
  const next = await multipass(['snapshot', 'web', '--live', '-n', 'next'], {
    store: layout.root,
  });
  const state = isQemuGone ? '' : ', as after a power cut';
  expect(next).toEqual({ stdout: `Snapshot taken: web.next${state}\n`, stderr: '', exitCode: 0 });
  const names = await snapshotsOf(layout);
  expect(names).toEqual(tagsOf(layout).length === 2 ? ['hot', 'next'] : ['next']);
  expect(names).toEqual(expect.arrayContaining([...seen]));
  expect(readInstance(layout, 'web').spec.snapshotHead).toBe(names.length);
  if (isQemuGone) await bootBlank(layout, 'web');
  await expectRunsSoon(layout);
  await writeAsGuest(web, OVER);
  await killQemu(web);
  expect(existsSync(web.pending)).toBe(false);
  for (const pattern of [OVER, REST]) await expectPattern(web.disk, pattern);
  for (const name of names) {
    await restoreSnapshot({ layout, name: 'web', snapshot: name });
    await expectPattern(web.disk, BEFORE);
  }
  await run('qemu-img', ['check', '-q', web.disk]);
}

async function snapshotsOf(layout: StoreContext['layout']): Promise<string[]> {
  const { snapshots, strays, problems } = await listSnapshots(layout);
  expect([strays, problems]).toEqual([[], []]);
  return snapshots.map(({ record }) => record.name);
}

function tagsOf(layout: StoreContext['layout']): string[] {
  return readInstance(layout, 'web').disk.snapshots.map(({ name }) => name);
}
