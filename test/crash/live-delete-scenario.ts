import { existsSync } from 'node:fs';
import { expect, vi } from 'vitest';
import { run } from '../../src/process/run.js';
import { runStateOf } from '../../src/qemu/run-state.js';
import { readInstance } from '../../src/vm/read-instance.js';
import { listSnapshots } from '../../src/vm/snapshots/list-snapshots.js';
import { restoreSnapshot } from '../../src/vm/snapshots/restore-snapshot.js';
import {
  bootBlank,
  expectPattern,
  killQemu,
  withQmp,
  writeAsGuest,
} from '../support/blank-machine.js';
import { multipass, withoutPhases } from '../support/command.js';
import type { CrashPoint, CrashScenario } from './crash-points.js';
import { BEFORE, OVER, REST, whileItRuns, type Casualties } from './live-clone-scenario.js';
import type { StoreContext } from './store-scenario.js';
import { replacing } from './struck.js';

/** Whose end a deletion has to stand, and every how many steps where that has to be quick. */
export interface LiveDeleteKills {
  readonly casualties: Casualties;
  readonly every: number;
}

export const LIVE_DELETE_KILLS: readonly LiveDeleteKills[] = [
  { casualties: 'nobody else', every: 7 },
  { casualties: 'its guard, too', every: 11 },
  { casualties: 'its guard and QEMU, too', every: 7 },
];

/** The disk first; and the record of what is gone last, for it says whose its child is. */
export const FORGETTING: readonly string[] = [
  ...replacing('store/instances/web', 'pending.json'),
  'fsync store/instances/web/disk.qcow2',
  ...replacing('store/instances/web/snapshots', '0002.json'),
  'unlink store/instances/web/snapshots/0001.json',
  'fsync store/instances/web/snapshots',
  'unlink store/instances/web/pending.json',
  'fsync store/instances/web',
];

/**
 * `delete --purge web.first` of a running instance, killed: its guest runs on, the snapshot is there with its child upon
 * it, or it is gone and the child has its place; the next command deletes it if need be, and the next change forgets it.
 */
export function liveDeleteScenario(
  template: string,
  { casualties }: Pick<LiveDeleteKills, 'casualties'>,
): CrashScenario<StoreContext> {
  const running = whileItRuns(template, ['delete', '--purge', 'web.first']);
  return {
    ...running,
    async prepare() {
      const context = await running.prepare();
      for (const name of ['first', 'second']) {
        const { exitCode } = await multipass(['snapshot', 'web', '--live', '-n', name], {
          store: context.layout.root,
        });
        expect(exitCode).toBe(0);
      }
      return context;
    },
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
  if (!isQemuGone) expect(await withQmp(web, runStateOf)).toBe('running');
  // It never stands still, so there is no hurry.
  if (casualties === 'nobody else') {
    await vi.waitFor(() => expect(existsSync(web.pending)).toBe(false), 10_000);
  }
  const seen = (await treeOf(layout)).map(([name]) => name);
  expect([['first', 'second'], ['second']]).toContainEqual(seen);
  if (exitCode === 0) expect(seen).toEqual(['second']);
  const again = await multipass(['delete', '--purge', 'web.first'], { store: layout.root });
  expect([0, 2]).toContain(again.exitCode);
  if (again.exitCode === 2) {
    expect(again.stderr).toContain('No such snapshot: web.first');
    // A refusal changes nothing: what is left to be forgotten goes with the next change.
    for (const words of [
      ['snapshot', 'web', '--live', '-n', 'third'],
      ['delete', '--purge', 'web.third'],
    ]) {
      expect(await multipass(words, { store: layout.root })).toMatchObject({ exitCode: 0 });
    }
  }
  expect(existsSync(web.pending)).toBe(false);
  if (isQemuGone) await bootBlank(layout, 'web');
  expect(await treeOf(layout)).toEqual([['second', 0]]);
  expect(readInstance(layout, 'web')).toMatchObject({
    spec: { snapshotHead: 2 },
    disk: { snapshots: [expect.objectContaining({ name: '@s2' })] },
  });
  await writeAsGuest(web, OVER);
  await killQemu(web);
  for (const pattern of [OVER, REST]) await expectPattern(web.disk, pattern);
  await restoreSnapshot({ layout, name: 'web', snapshot: 'second' });
  await expectPattern(web.disk, BEFORE);
  await run('qemu-img', ['check', '-q', web.disk]);
}

async function treeOf(layout: StoreContext['layout']): Promise<[string, number][]> {
  const { snapshots, problems } = await listSnapshots(layout);
  expect(problems).toEqual([]);
  return snapshots.map(({ record }) => [record.name, record.parent]);
}
