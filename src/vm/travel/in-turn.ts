/** How many are under way at once: as many as it takes to keep two or four processors busy, and little memory. */
const AT_ONCE = 4;

/**
 * Starts several things at once and goes on with what became of them in the order in which they were started; the first
 * failure ends it. What is under way then is waited for, and its outcome not used.
 */
export class InTurn<T> {
  readonly #go: (result: T) => Promise<void>;
  readonly #underWay: Promise<T>[] = [];

  constructor(go: (result: T) => Promise<void>) {
    this.#go = go;
  }

  /** Adds one that was started; resolves when there is room for the next. */
  async add(started: Promise<T>): Promise<void> {
    // Its failure is met when its turn has come, and is none of nobody's until then.
    started.catch(() => undefined);
    this.#underWay.push(started);
    if (this.#underWay.length >= AT_ONCE) await this.#next();
  }

  /** Goes on with all that is left. */
  async end(): Promise<void> {
    while (this.#underWay.length > 0) await this.#next();
  }

  /** Waits until nothing is under way any more, whatever came of it. */
  async settle(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  async #next(): Promise<void> {
    const first = this.#underWay.shift();
    if (first !== undefined) await this.#go(await first);
  }
}
