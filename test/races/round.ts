import { setTimeout as pause } from 'node:timers/promises';
import type { Attempt } from '../simulation/command.js';
import type { Random } from '../simulation/random.js';
import type { Arena } from './arena.js';
import { ALL_KINDS, deedOf, PAIRS } from './deeds.js';
import type { Figures } from './figures.js';
import { noteOf } from './notes.js';
import type { Racer, Strike } from './racer-process.js';

const DAY_MS = 86_400_000;
const STRIKES: readonly Strike[] = [
  ...(['kill', 'kill', 'kill with children', 'stop', 'stop with children'] as const),
];

/** Where a round takes place, and who takes part. */
interface Round {
  readonly arena: Arena;
  readonly racers: readonly Racer[];
  readonly random: Random;
  readonly figures: Figures;
  readonly round: number;
}

/** Lets each racer do two things, strikes some meanwhile, and looks at what is there. */
export async function runRound(about: Round): Promise<{ faults: string[]; deeds: string[] }> {
  const { arena, racers, random, figures, round } = about;
  const pair = PAIRS[(round * 89) % PAIRS.length]!;
  const name = random.pick(arena.names);
  const faults: string[] = [];
  const deeds: string[] = [];
  const attempts: Attempt[] = [];
  const exports = new Map<number, boolean | undefined>();
  const { place } = arena;
  const lives = racers.map((racer, at) => {
    const shiftMs = random.oneIn(3) ? (random.below(8_000) - 4_000) * DAY_MS : 0;
    const orders = [0, 1].map((step) => {
      const kind = (step === 0 ? pair[at] : undefined) ?? random.pick(ALL_KINDS);
      const whom = step === 0 && at < pair.length ? name : random.pick([...arena.names, 'a', 'b']);
      const id = (round * racers.length + at) * 2 + step;
      return { id, deed: deedOf(kind, { place, id, name: whom, random }) };
    });
    return async (): Promise<void> => {
      for (const { id, deed } of orders) {
        const [tell, note] = noteOf(deed, { id, place, attempts, exports, faults });
        const begun = performance.now();
        const report = await racer.obey({ root: place.root, shiftMs, deed });
        const tookMs = performance.now() - begun;
        figures.operations += 1;
        if (shiftMs !== 0) figures.jumps += 1;
        figures.longestMs = Math.max(figures.longestMs, Math.round(tookMs));
        deeds.push(`${at}: ${tell} ${note(report)} (${Math.round(tookMs)} ms)`);
        if (report === undefined) return;
      }
    };
  });
  const strikes = Array.from({ length: random.below(3) }, () => ({
    racer: random.pick(racers),
    how: random.pick(STRIKES),
    afterMs: random.below(random.oneIn(2) ? 100 : 700),
    stoppedMs: 20 + random.below(400),
  }));
  const done = await Promise.allSettled([
    ...lives.map(async (life) => life()),
    ...strikes.map(async ({ racer, how, afterMs, stoppedMs }) => {
      await pause(afterMs);
      if (racer.isDead) return;
      figures[how.startsWith('kill') ? 'kills' : 'stops'] += 1;
      deeds.push(`${racers.indexOf(racer)}: ${how} after ${afterMs} ms`);
      await racer.strike(how, stoppedMs);
    }),
  ]);
  for (const end of done) if (end.status === 'rejected') faults.push(String(end.reason));
  try {
    for (const racer of racers) if (racer.isDead) await racer.gone();
    if (faults.length === 0) faults.push(...(await arena.examine({ attempts, exports })));
  } catch (error) {
    faults.push((error as Error).stack ?? String(error));
  }
  return { faults, deeds };
}
