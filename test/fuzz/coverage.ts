/** Which branches were taken so far by any input, and how often by one: once, twice, some, many, … */
export class Coverage {
  readonly #hits: Uint8Array;
  readonly #seen: Uint8Array;
  #count = 0;

  /** @param hits counted by what esbuild made of the sources; see `scripts/instrument.mjs` */
  constructor(hits: Uint8Array) {
    this.#hits = hits;
    this.#seen = new Uint8Array(hits.length);
  }

  /** Branches that were taken. */
  get count(): number {
    return this.#count;
  }

  /** For each branch what is not 0 where it was taken. */
  get seen(): Uint8Array {
    return this.#seen;
  }

  begin(): void {
    this.#hits.fill(0);
  }

  /** Whether something was taken that never was before, or more often. */
  isNew(): boolean {
    const [hits, seen] = [this.#hits, this.#seen];
    let found = false;
    for (let at = 0; at < hits.length; at += 1) {
      const times = hits[at] ?? 0;
      if (times === 0) continue;
      const before = seen[at] ?? 0;
      const after = before | classOf(times);
      if (after === before) continue;
      if (before === 0) this.#count += 1;
      seen[at] = after;
      found = true;
    }
    return found;
  }
}

function classOf(times: number): number {
  if (times < 4) return 1 << (times - 1);
  return 8 << Math.min(4, 31 - Math.clz32(times >> 2));
}
