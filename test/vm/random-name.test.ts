import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ADJECTIVES, NOUNS } from '../../src/vm/name-words.js';
import { isValidName } from '../../src/vm/names.js';
import { randomName } from '../../src/vm/random-name.js';

describe('the words', () => {
  it.each([
    ['adjectives', ADJECTIVES],
    ['nouns', NOUNS],
  ])('are enough, short, and each there once: %s', (_, words) => {
    expect(words.length).toBeGreaterThanOrEqual(300);
    expect(new Set(words).size).toBe(words.length);
    expect(words.filter((word) => !/^[a-z]{2,12}$/.test(word))).toEqual([]);
  });
});

/** Says what it is told to say, over and over. */
function saying(numbers: readonly number[]): (limit: number) => number {
  let at = 0;
  return (limit) => (numbers[at++ % numbers.length] ?? 0) % limit;
}

describe('a random name', () => {
  it('is an adjective and a noun, each of which may be drawn', () => {
    const name = (...numbers: number[]): string =>
      randomName({ taken: new Set(), random: saying(numbers) });
    expect(name(0, 0)).toBe(`${ADJECTIVES[0]!}-${NOUNS[0]!}`);
    const last = [ADJECTIVES.length - 1, NOUNS.length - 1] as const;
    expect(name(...last)).toBe(`${ADJECTIVES.at(-1)!}-${NOUNS.at(-1)!}`);
  });

  it('is drawn again while it is taken', () => {
    const taken = new Set([`${ADJECTIVES[1]!}-${NOUNS[2]!}`]);
    const random = saying([1, 2, 3, 4]);
    expect(randomName({ taken, random })).toBe(`${ADJECTIVES[3]!}-${NOUNS[4]!}`);
  });

  it('gets the first free number when nothing else helps', () => {
    const taken = new Set<string>();
    const random = saying([7, 8]);
    const names = Array.from({ length: 4 }, () => {
      const name = randomName({ taken, random });
      taken.add(name);
      return name;
    });
    const plain = `${ADJECTIVES[7]!}-${NOUNS[8]!}`;
    expect(names).toEqual([plain, `${plain}-2`, `${plain}-3`, `${plain}-4`]);
  });

  it('is valid and free, whatever is drawn and whatever is taken', () => {
    const numbers = fc.array(fc.nat(), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(numbers, fc.integer({ min: 1, max: 30 }), (drawn, count) => {
        const taken = new Set<string>();
        const random = saying(drawn);
        for (let made = 0; made < count; made += 1) {
          const name = randomName({ taken, random });
          expect(taken.has(name)).toBe(false);
          expect(isValidName(name)).toBe(true);
          expect(name).toMatch(/^[a-z]+-[a-z]+(?:-\d+)?$/);
          taken.add(name);
        }
      }),
    );
  });

  it('is hardly ever the same twice by itself', () => {
    const names = Array.from({ length: 100 }, () => randomName({ taken: new Set() }));
    expect(new Set(names).size).toBeGreaterThan(90);
  });
});
