import { MultipassError } from '../../src/errors.js';
import type { StoreLayout } from '../../src/store/layout.js';
import { instanceEntryNames } from '../../src/store/listing.js';
import { cloneInstance } from '../../src/vm/clone/clone-instance.js';
import { purgeInstance } from '../../src/vm/delete-instance.js';
import { flattenInstance } from '../../src/vm/flatten-instance.js';
import { purgeUnusedImages } from '../../src/vm/images/purge-images.js';
import { renameInstance } from '../../src/vm/rename-instance.js';

/** How many instances a store of these may have, at least and at most. */
const FEWEST = 4;
const MOST = 14;

/** What may stand in the way of one among many. */
const EXPECTED: ReadonlySet<string> = new Set([
  ...['INSTANCE_NOT_FOUND', 'NAME_TAKEN', 'NAME_IN_PREPARATION', 'INSTANCE_CHANGED'],
]);

/** One of several processes that clone, rename, flatten and purge the same instances, and purge images. */
export interface Churn {
  readonly layout: StoreLayout;
  /** Tells it from the others, and its choices from theirs. */
  readonly seed: number;
  readonly rounds: number;
  /** Before each round. */
  readonly onRound?: (round: number) => void;
}

/**
 * Does something to some instance, so many times. Nothing that it does changes what any guest would see.
 * @returns how often each thing was done
 */
export async function churn(work: Churn): Promise<Record<string, number>> {
  const random = randomNumbers(work.seed);
  const done: Record<string, number> = {};
  for (let round = 0; round < work.rounds; round += 1) {
    work.onRound?.(round);
    const names = instanceEntryNames(work.layout).toSorted();
    const pick = (): string => names[random(names.length)] ?? '';
    const deed = deedFor(names.length, random);
    try {
      await DEEDS[deed](work.layout, pick(), `n${work.seed}x${round}`);
      done[deed] = (done[deed] ?? 0) + 1;
    } catch (error) {
      if (!(error instanceof MultipassError) || !EXPECTED.has(error.code)) {
        throw new Error(`${deed}: ${String(error)}`, { cause: error });
      }
    }
  }
  return done;
}

const DEEDS = {
  link: (layout: StoreLayout, source: string, name: string) =>
    cloneInstance({ layout, source, name, linked: true }),
  copy: (layout: StoreLayout, source: string, name: string) =>
    cloneInstance({ layout, source, name }),
  several: (layout: StoreLayout, source: string) =>
    cloneInstance({ layout, source, count: 3, linked: true }),
  rename: (layout: StoreLayout, name: string, newName: string) =>
    renameInstance({ layout, name, newName }),
  flatten: (layout: StoreLayout, name: string) => flattenInstance({ layout, name }),
  purge: (layout: StoreLayout, name: string) => purgeInstance(layout, name),
  images: (layout: StoreLayout) => purgeUnusedImages(layout),
} as const satisfies Record<
  string,
  (layout: StoreLayout, name: string, newName: string) => Promise<unknown>
>;

type Deed = keyof typeof DEEDS;

const WHEN_FEW: readonly Deed[] = ['link', 'link', 'several', 'copy'];
const WHEN_MANY: readonly Deed[] = ['purge'];
const ELSE: readonly Deed[] = [
  ...(['link', 'link', 'link', 'link', 'several', 'copy'] as const),
  ...(['purge', 'purge', 'purge', 'purge', 'purge', 'rename', 'images', 'flatten'] as const),
];

function deedFor(count: number, random: (below: number) => number): Deed {
  const deeds = count <= FEWEST ? WHEN_FEW : count >= MOST ? WHEN_MANY : ELSE;
  return deeds[random(deeds.length)] ?? 'link';
}

/** The same numbers for the same seed: Mulberry32. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
