import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../src/process/run.js';
import type { StoreLayout } from '../../src/store/layout.js';
import { cloneInstance } from '../../src/vm/clone/clone-instance.js';
import { bootBlank, killQemu, writeAsGuest } from '../support/blank-machine.js';
import { canLoopMount, withLoopMount } from '../support/loop-mount.js';
import type { FileSystem } from './file-systems.js';
import type { Comparison } from './report.js';
import type { Bench } from './section.js';
import { addInstance, makeStore } from './stores.js';
import { Timing, type Round } from './timing.js';

const GIB = 1024 ** 3;
const ROUNDS = 7;
/** Where each writes all of the disk. */
const FEWER_ROUNDS = 3;
/** Room for the largest head, in MiB; nothing of it is written. */
const LOOP_SIZE = 24 * 1024;

/** A head, all of whose clusters are there, and how it is cloned. */
interface Case {
  readonly gibibytes: number;
  readonly linked: boolean;
}

/**
 * For how long a guest stands still while it is cloned: a head of 10 GiB against one of 1 GiB. A real QEMU without a
 * system in it, which has just written something.
 */
export async function benchLive(bench: Bench): Promise<Comparison[]> {
  if (!canLoopMount) return [];
  const comparisons: Comparison[] = [];
  for (const kind of ['xfs', 'ext4'] as const) {
    for (const linked of [true, false]) {
      bench.say(`timing the pause of ${linked ? 'linked' : 'independent'} live clones on ${kind}`);
      comparisons.push(await compare(bench, kind, linked));
    }
  }
  return comparisons;
}

async function compare(bench: Bench, kind: FileSystem, linked: boolean): Promise<Comparison> {
  const [large, small]: [Round[], Round[]] = [[], []];
  // In turn, so that whatever else the machine does meets both alike; the first round only warms up.
  const rounds = kind === 'ext4' && !linked ? FEWER_ROUNDS : ROUNDS;
  for (let round = 0; round <= rounds; round += 1) {
    for (const [gibibytes, side] of [
      [10, large],
      [1, small],
    ] as const) {
      bench.signal.throwIfAborted();
      const ms = await pauseOf(kind, { gibibytes, linked });
      if (round > 0) side.push({ ms, cpuMs: 0 });
    }
  }
  const how = linked ? 'linked' : 'independent';
  return {
    name: `${kind}: pause of a live clone, ${how}, 10 against 1 GiB`,
    ours: Timing.of(large).as('10 GiB'),
    against: Timing.of(small).as('1 GiB'),
    aim: { atMost: 1.5 },
  };
}

/** On a file system of its own: what an earlier round has written is nobody's to wait for. */
async function pauseOf(kind: FileSystem, { gibibytes, linked }: Case): Promise<number> {
  return await withLoopMount(kind, LOOP_SIZE, async (folder) => {
    const layout = await makeStore(join(folder, 'store'));
    const web = await makeWeb(layout, gibibytes);
    await bootBlank(layout, 'web');
    try {
      await writeAsGuest(web, { pattern: 1, offset: 0, bytes: 1024 ** 2 });
      const report = await cloneInstance({ layout, source: 'web', live: true, linked });
      const wanted = linked ? 'linked' : kind === 'xfs' ? 'reflink' : 'live';
      if (report.strategy !== wanted) throw new Error(`a clone by ${report.strategy}`);
      return report.timingsMs['pause'] ?? NaN;
    } finally {
      await killQemu(web);
      await rm(layout.root, { recursive: true, force: true });
    }
  });
}

async function makeWeb(
  layout: StoreLayout,
  gibibytes: number,
): Promise<ReturnType<typeof addInstance>> {
  const web = addInstance(layout, 'web', 0);
  const full = ['create', '-q', '-f', 'qcow2', '-o', 'preallocation=falloc'];
  await run('qemu-img', [...full, web.disk, String(gibibytes * GIB)]);
  await run('sync', ['--file-system', layout.root]);
  return web;
}
