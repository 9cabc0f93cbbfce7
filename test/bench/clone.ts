import { join } from 'node:path';
import { cloneSides, COUNTS, makeSources, type CloneSides } from './clone-sides.js';
import { withFileSystem, type FileSystem } from './file-systems.js';
import { measure } from './measure.js';
import type { Comparison } from './report.js';
import type { Bench } from './section.js';
import { makeStore } from './stores.js';
import type { Timing } from './timing.js';

/** How many times faster than Multipass's procedure a clone with 50 snapshots is to be. */
const AIMS = {
  xfs: { command: 10, library: 20 },
  ext4: { command: 4, library: 4 },
} as const;

const WAYS = ['command', 'library'] as const;
type Way = (typeof WAYS)[number];

type Times = Readonly<Record<keyof CloneSides, Timing>>;

/** A clone of 512 MiB with 0 to 50 snapshots, against Multipass's own procedure and against a plain copy. */
export async function benchClone(bench: Bench): Promise<Comparison[]> {
  const comparisons: Comparison[] = [];
  for (const kind of ['xfs', 'ext4'] as const) {
    const found = await withFileSystem(kind, bench.folder, (folder) => timeOn(kind, folder, bench));
    if (found === null) bench.say(`no ${kind}: it takes root to mount one`);
    else comparisons.push(...comparedOn(kind, found));
  }
  return comparisons;
}

async function timeOn(kind: FileSystem, folder: string, bench: Bench): Promise<Times> {
  const layout = await makeStore(join(folder, 'store'));
  bench.say(`making disks with ${COUNTS.join(', ')} snapshots on ${kind}`);
  await makeSources(layout);
  bench.say(`timing clones on ${kind}`);
  const sides = await cloneSides(layout, bench.bin);
  return await measure(sides, { count: 7, signal: bench.signal });
}

function comparedOn(kind: FileSystem, times: Times): Comparison[] {
  return [
    ...against('procedure', kind, times),
    ...against('cp', kind, times),
    // Where extents are not shared, the data itself is what takes the time.
    ...(kind === 'xfs' ? WAYS.map((way) => flatness(way, times)) : []),
  ];
}

function against(other: 'procedure' | 'cp', kind: FileSystem, times: Times): Comparison[] {
  return COUNTS.flatMap((count) =>
    WAYS.map((way) => ({
      name: `clone on ${kind}, ${count} snapshots`,
      ours: times[`${way} ${count}`].as(way),
      against: times[`${other} ${count}`].as(other),
      ...(other === 'procedure' && count === 50 ? { aim: { faster: AIMS[kind][way] } } : {}),
    })),
  );
}

/** With no snapshots at all another way is taken, so the fewest to compare with are 5. */
function flatness(way: Way, times: Times): Comparison {
  return {
    name: 'clone on xfs, 50 snapshots',
    ours: times[`${way} 50`].as(way),
    against: times[`${way} 5`].as('with 5'),
    aim: { atMost: 1.3 },
  };
}
