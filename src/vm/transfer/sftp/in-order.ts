/** Pieces of one file that are read or written at once: enough for a connection that takes its time. */
const WINDOW = 64;

/**
 * Asks for many things, several at once, and takes the answers in the order in which they were asked for.
 * @param ask begins the next one; undefined when there is no more
 * @param take gets each answer; false ends it, and what is under way still is let go
 */
export async function inOrder<Value>(
  ask: () => Promise<Value> | undefined,
  take: (value: Value) => boolean | Promise<boolean>,
): Promise<void> {
  const underWay: Promise<Value>[] = [];
  const fill = (): void => {
    while (underWay.length < WINDOW) {
      const next = ask();
      if (next === undefined) return;
      // It may fail long before anybody looks.
      next.catch(() => undefined);
      underWay.push(next);
    }
  };
  for (;;) {
    fill();
    const first = underWay.shift();
    if (first === undefined || !(await take(await first))) return;
  }
}
