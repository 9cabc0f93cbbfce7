import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openStore } from '../../src/index.js';
import { runQuickly } from './command.js';
import { measure, type Side } from './measure.js';
import type { Comparison } from './report.js';
import type { Bench } from './section.js';
import { CROWDS, makeCrowdedStore, nameOf, type Crowd } from './stores.js';

const WAYS = ['command', 'library'] as const;
type Way = (typeof WAYS)[number];

/** A clone of a small instance in small and large stores: what the others cost it. */
export async function benchCrowd({ folder, bin, signal, say }: Bench): Promise<Comparison[]> {
  const sides = {} as Record<`${Way} ${Crowd}`, Side>;
  for (const crowd of CROWDS) {
    say(`making a store of ${crowd} instances`);
    const layout = await makeCrowdedStore(join(folder, `store-${crowd}`), crowd);
    const vm = await openStore(layout.root).get(nameOf(0));
    // The automatic name, which has to be looked for among the others.
    const copy = layout.instance(`${vm.name}-clone1`);
    const undo = (): Promise<void> => rm(copy.path, { recursive: true });
    const argv = [process.execPath, bin, 'clone', vm.name] as const;
    const env = { MULTIPASS_STORAGE: layout.root };
    sides[`command ${crowd}`] = { work: () => runQuickly(argv, env), undo };
    sides[`library ${crowd}`] = { work: () => vm.clone(), undo };
  }
  say('timing clones');
  const times = await measure(sides, { count: 15, signal });
  return WAYS.flatMap((way) =>
    ([1_000, 10_000] as const).map((crowd) => ({
      name: `clone among ${crowd} instances`,
      ours: times[`${way} ${crowd}`].as(way),
      against: times[`${way} 10`].as('among 10'),
      aim: { atMost: 1.3 },
    })),
  );
}
