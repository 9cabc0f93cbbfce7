/** One side of a comparison. Only `work` is timed. */
export interface Side {
  readonly work: () => Promise<unknown>;
  /** Undoes what the work left behind, so that every round begins alike. */
  readonly undo?: () => Promise<unknown>;
}

/** The median time of each side, in milliseconds, by its name. */
export type Medians<Name extends string> = Readonly<Record<Name, number>>;

/**
 * Times all sides in turn, A B C A B C …, so that whatever else the machine does meanwhile meets them all alike; the
 * first round only warms up and does not count.
 */
export async function measure<Name extends string>(
  rounds: number,
  sides: Readonly<Record<Name, Side>>,
): Promise<Medians<Name>> {
  const entries = Object.entries<Side>(sides).map(
    ([name, side]) => ({ name: name as Name, side, times: [] as number[] }),
  );
  for (let round = 0; round <= rounds; round += 1) {
    for (const { side, times } of entries) {
      const time = await timeOf(side);
      if (round > 0) times.push(time);
    }
  }
  return Object.fromEntries(
    entries.map(({ name, times }) => [name, median(times)]),
  ) as Medians<Name>;
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
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? NaN) + (sorted[Math.floor(middle)] ?? NaN)) / 2;
}
