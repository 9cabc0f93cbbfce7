import { mutate, type Mutant } from '../mutation/mutant.js';
import { simulateMany, told } from './simulate-many.js';
import { Loadable } from './world/product.js';

/**
 * Breaks a guard, and tries seeds until one finds that.
 * @returns what the seed has to say; undefined when none has
 */
export async function foundBySeed(mutant: Mutant, most: number): Promise<string | undefined> {
  const { file } = mutant;
  const product = await Loadable.build({ file, change: (source) => mutate(mutant, source) });
  for (let seed = 1; seed <= most; seed += 1) {
    const [found] = told(await simulateMany({ from: seed, count: 1, product }));
    if (found !== undefined) return found;
  }
  return undefined;
}
