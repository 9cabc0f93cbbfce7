import { join } from 'node:path';
import { cloneSides, COUNTS, makeSources, type CloneSides } from './clone-sides.js';
import { withFileSystem, type FileSystem } from './file-systems.js';
import { measure } from './measure.js';
import type { Aim, Comparison } from './report.js';
import type { Bench } from './section.js';
import { makeStore } from './stores.js';

/** How many times faster than Multipass's procedure a clone with 50 snapshots is to be. */
const AIMS = {
  xfs: { command: 10, library: 20 },
  ext4: { command: 4, library: 4 },
} as const;

type Times = Readonly<Record<keyof CloneSides, number>>;

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
  const ways = ['command', 'library'] as const;
  const compare = (other: 'procedure' | 'cp'): Comparison[] =>
    COUNTS.flatMap((count) =>
      ways.map((way) => ({
        name: `clone on ${kind}, ${count} snapshots`,
        ours: { what: way, ms: times[`${way} ${count}`] },
        against: { what: other, ms: times[`${other} ${count}`] },
        ...(other === 'procedure' && count === 50 ? { aim: { faster: AIMS[kind][way] } } : {}),
      })),
    );
  return [
    ...compare('procedure'),
    ...compare('cp'),
    ...ways.map((way) => flatness(kind, way, times)),
  ];
}

/** With no snapshots at all another way is taken, so the fewest to compare with are 5. */
function flatness(kind: FileSystem, way: 'command' | 'library', times: Times): Comparison {
  const aim: Aim = { atMost: 1.3 };
  return {
    name: `50 snapshots against 5 on ${kind}`,
    ours: { what: way, ms: times[`${way} 50`] },
    against: { what: 'with 5', ms: times[`${way} 5`] },
    ...(kind === 'xfs' ? { aim } : {}),
  };
}
