import { tellFigures } from './figures.js';
import { makeFirstStore, type FirstStore } from './fixture.js';
import { simulate, type Outcome } from './simulate.js';
import { Loadable } from './world/product.js';

/** Which seeds are tried. */
export interface Seeds {
  readonly from: number;
  readonly count: number;
  readonly trace?: ((line: string) => void) | undefined;
  /** The product, when it is not as it is in `src`. */
  readonly product?: Loadable | undefined;
}

let first: Promise<[Loadable, FirstStore]> | undefined;

/** Tries one seed after the other. @returns what each came to */
export async function simulateMany({ from, count, trace, product }: Seeds): Promise<Outcome[]> {
  first ??= Promise.all([Loadable.build(), makeFirstStore()]);
  const [asItIs, store] = await first;
  const outcomes: Outcome[] = [];
  for (let seed = from; seed < from + count; seed += 1) {
    const simulation = {
      product: product ?? asItIs,
      store,
      ...(trace === undefined ? {} : { trace }),
    };
    outcomes.push(await simulate(seed, simulation));
  }
  tellFigures(outcomes);
  return outcomes;
}

/** What is wrong, with the seed by which it happens again. */
export function told(outcomes: readonly Outcome[]): string[] {
  return outcomes
    .filter(({ faults }) => faults.length > 0)
    .map(({ seed, faults }) =>
      [`seed ${seed} (npm run test:simulation -- --seed ${seed}):`, ...faults].join('\n  '),
    );
}
