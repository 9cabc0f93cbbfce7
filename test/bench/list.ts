import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { runQuickly } from './command.js';
import { measure } from './measure.js';
import type { Comparison } from './report.js';
import type { Bench } from './section.js';
import { CROWDS, makeCrowdedStore, type Crowd } from './stores.js';

type Way = 'list' | 'cat';

/** `multipass list` in small and large stores, against reading the specs of all instances with one `cat`. */
export async function benchList({ folder, bin, signal, say }: Bench): Promise<Comparison[]> {
  const sides = {} as Record<`${Way} ${Crowd}`, { work: () => Promise<void> }>;
  for (const crowd of CROWDS) {
    say(`making a store of ${crowd} instances`);
    const layout = await makeCrowdedStore(join(folder, `store-${crowd}`), crowd);
    const env = { MULTIPASS_STORAGE: layout.root };
    const specs = readdirSync(layout.instances).map((name) => layout.instance(name).spec);
    sides[`list ${crowd}`] = { work: () => runQuickly([process.execPath, bin, 'list'], env) };
    sides[`cat ${crowd}`] = { work: () => runQuickly(['cat', ...specs]) };
  }
  say('timing list and cat');
  const times = await measure(sides, { count: 9, signal });
  return CROWDS.map((crowd) => ({
    name: `list of ${crowd} instances`,
    ours: times[`list ${crowd}`].as('list'),
    against: times[`cat ${crowd}`].as('cat of their specs'),
    // With few instances there is nothing but Node's own start, which is compared elsewhere.
    ...(crowd === 10_000 ? { aim: { atMost: 4 } } : {}),
  }));
}
