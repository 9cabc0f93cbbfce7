import { cpuTimeMs, Timing, type Round } from './timing.js';

/** One side of a comparison. Only `work` is timed. */
export interface Side {
  readonly work: () => Promise<unknown>;
  /** Removes what the work left behind, so that every round begins alike. */
  readonly undo?: () => Promise<unknown>;
}

/** How often the sides are timed. */
export interface Rounds {
  readonly count: number;
  /** Ends the measuring between two works, by throwing. */
  readonly signal: AbortSignal;
}

/**
 * Times all sides in turn, A B C A B C …, so that whatever else the machine does meanwhile meets them all alike. The
 * first round only warms up and does not count.
 * @returns what each side took, by its name
 */
export async function measure<Name extends string>(
  sides: Readonly<Record<Name, Side>>,
  { count, signal }: Rounds,
): Promise<Readonly<Record<Name, Timing>>> {
  const timed = Object.entries<Side>(sides).map(([name, side]) => ({
    name,
    side,
    rounds: [] as Round[],
  }));
  for (let round = 0; round <= count; round += 1) {
    for (const { side, rounds } of timed) {
      signal.throwIfAborted();
      const time = await timeOf(side);
      if (round > 0) rounds.push(time);
    }
  }
  const timings = timed.map(({ name, rounds }) => [name, Timing.of(rounds)] as const);
  return Object.fromEntries(timings) as Record<Name, Timing>;
}

async function timeOf({ work, undo }: Side): Promise<Round> {
  const cpu = cpuTimeMs();
  const start = performance.now();
  await work();
  const ms = performance.now() - start;
  const cpuMs = cpuTimeMs() - cpu;
  await undo?.();
  return { ms, cpuMs };
}
