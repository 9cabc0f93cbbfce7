let last: Promise<unknown> = Promise.resolve();

/**
 * Lets whoever waits for it go on one at a time, each in a turn of the event loop of its own. For what takes
 * milliseconds that nobody can share, such as the start of a program: a hundred of them in one turn, and all that this
 * process does stands still for half a second.
 */
export async function ownTurn(): Promise<void> {
  const mine = last.then(() => new Promise((resolve) => setImmediate(resolve)));
  last = mine;
  await mine;
}
