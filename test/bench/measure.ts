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
 * @returns the median of each side in milliseconds, by its name
 */
export async function measure<Name extends string>(
  sides: Readonly<Record<Name, Side>>,
  { count, signal }: Rounds,
): Promise<Readonly<Record<Name, number>>> {
  const timed = Object.entries<Side>(sides).map(([name, side]) => ({
    name,
    side,
    times: [] as number[],
  }));
  for (let round = 0; round <= count; round += 1) {
    for (const { side, times } of timed) {
      signal.throwIfAborted();
      const time = await timeOf(side);
      if (round > 0) times.push(time);
    }
  }
  const medians = timed.map(({ name, times }) => [name, median(times)] as const);
  return Object.fromEntries(medians) as Record<Name, number>;
}

async function timeOf({ work, undo }: Side): Promise<number> {
  const start = performance.now();
  await work();
  const time = performance.now() - start;
  await undo?.();
  return time;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2;
}
