import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildLegacyData } from '../../fixtures/legacy/build.js';
import { StoreLayout } from '../../src/store/layout.js';
import { makeFirstStore } from '../simulation/fixture.js';
import { Random } from '../simulation/random.js';
import { multipassInProcess } from '../support/in-process.js';
import { Arena } from './arena.js';
import { OLD, PAIRS, type Place } from './deeds.js';
import { tellFigures, type Figures } from './figures.js';
import { RacerProgram } from './racer-process.js';
import { putStore } from './real-store.js';
import { runRound } from './round.js';

/** Two are at one instance, and two do anything meanwhile. */
const RACERS = 4;
const ROUNDS_OF_A_STORE = 12;
/** So many rounds that fail are enough to look at. */
const MOST_FAILED = 10;

/** Which races are run. */
export interface Races {
  readonly seed: number;
  readonly rounds: number;
  readonly say?: (line: string) => void;
}

/** What came of them. */
export interface RaceOutcome {
  readonly figures: Figures;
  /** With the rounds that they came up in; nothing, if all held. */
  readonly faults: readonly string[];
}

/**
 * Has processes do all that can be done to a few instances, each pair of deeds at one instance in turn, and kills them,
 * stops them for a while and gives them another time; after each round it looks whether all holds that is promised.
 * What is done to what is decided by the seed, and how it meets by the machine.
 */
export async function race({ seed, rounds, say = () => undefined }: Races): Promise<RaceOutcome> {
  await using program = await RacerProgram.build();
  const first = await makeFirstStore();
  const scratch = await mkdtemp(join(tmpdir(), 'multipass-ts-races-'));
  const outside = await makeOutside(scratch, first);
  const random = new Random(seed);
  const racers = Array.from({ length: RACERS }, () => program.start());
  const figures = {
    rounds: 0,
    operations: 0,
    kills: 0,
    stops: 0,
    jumps: 0,
    pairs: 0,
    longestMs: 0,
  };
  const faults: string[] = [];
  let failed = 0;
  let arena: Arena | undefined;
  try {
    for (let round = 0; round < rounds && failed < MOST_FAILED; round += 1) {
      if (arena === undefined || round % ROUNDS_OF_A_STORE === 0 || !arena.isWorthwhile) {
        await arena?.close();
        const folder = join(scratch, `arena-${round}`);
        arena = await Arena.open(first, { ...outside, folder, root: join(folder, 'store') });
      }
      racers.forEach((racer, at) => {
        if (racer.isDead) racers[at] = program.start();
      });
      const told = await runRound({ arena, racers, random, figures, round });
      figures.rounds += 1;
      figures.pairs = Math.min(figures.rounds, PAIRS.length);
      if (told.faults.length > 0) {
        failed += 1;
        for (const fault of told.faults) say(`round ${round}: ${fault}`);
        await arena.close();
        arena = undefined;
        faults.push(...told.faults.map((fault) => `round ${round} of seed ${seed}: ${fault}`));
        faults.push(`what was done: ${told.deeds.join('; ')}`);
      }
      if (round % 50 === 49) say(`${round + 1} rounds, ${figures.operations} operations`);
    }
  } finally {
    for (const racer of racers) racer.end();
    await rm(scratch, { recursive: true, force: true });
  }
  tellFigures(figures);
  return { figures, faults };
}

/** What comes into a store from outside. */
async function makeOutside(
  scratch: string,
  first: Awaited<ReturnType<typeof makeFirstStore>>,
): Promise<Pick<Place, 'archive' | 'legacy'>> {
  const archive = join(scratch, 'web.tar');
  const root = join(scratch, 'first');
  putStore(first, root);
  const { exitCode, stderr } = await multipassInProcess(
    ['export', 'web', archive],
    new StoreLayout(root),
  );
  if (exitCode !== 0) throw new Error(stderr);
  const { paths } = await buildLegacyData(join(scratch, 'legacy'), { instances: [OLD] });
  return { archive, legacy: paths.root };
}
