/** Numbers that look random, and are the same ones again for the same seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** At least 0, less than 1. */
  next(): number {
    // Mulberry32, which is in the public domain.
    this.#state = (this.#state + 0x6d_2b_79_f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number of at least 0 and less than `below`; 0 where there is none. */
  below(below: number): number {
    return Math.floor(this.next() * below);
  }

  /** Small ones more often than large ones. */
  small(below: number): number {
    return this.below(1 + this.below(below));
  }

  chance(of: number): boolean {
    return this.next() < of;
  }

  /** One of several, of which there has to be one. */
  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item;
  }
}

/** A seed for one of several that share one. */
export function seedFor(seed: number, name: string): number {
  let mixed = seed >>> 0;
  for (const character of name) mixed = Math.imul(mixed ^ character.charCodeAt(0), 0x01_00_01_93);
  return mixed >>> 0;
}
