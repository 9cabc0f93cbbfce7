/** Gives a request up when nothing comes for too long, or when it takes too long as a whole. */
export class StallGuard {
  readonly #controller = new AbortController();
  readonly #limit: number;
  readonly #deadline: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #reason: string | undefined;

  /**
   * @param limit milliseconds without anything
   * @param whole milliseconds altogether; undefined: no matter
   */
  constructor(limit: number, whole: number | undefined) {
    this.#limit = limit;
    if (whole === undefined) return;
    this.#deadline = setTimeout(() => this.#fire('it takes too long'), whole);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why it was given up; undefined when it was not. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** From now on something must come. */
  watch(): void {
    this.rest();
    const reason = `nothing has come for ${this.#limit / 1000} s`;
    this.#timer = setTimeout(() => this.#fire(reason), this.#limit);
  }

  /** What happens now is not the server's affair. */
  rest(): void {
    clearTimeout(this.#timer);
  }

  /** It is over. */
  stop(): void {
    this.rest();
    clearTimeout(this.#deadline);
  }

  #fire(reason: string): void {
    this.#reason ??= reason;
    this.#controller.abort();
  }
}
