import { randomInt } from 'node:crypto';
import { ADJECTIVES, NOUNS } from './name-words.js';

/** How often another pair of words is drawn before a number has to tell the names apart. */
const DRAWS = 20;

/** What a name is made from. */
export interface RandomNameRequest {
  /** Names that are in use, those of deleted instances too. */
  readonly taken: ReadonlySet<string>;
  /** A whole number from 0 to below `limit`, for tests. */
  readonly random?: ((limit: number) => number) | undefined;
}

/**
 * A name for an instance that was given none: `<adjective>-<noun>`, which nobody has. When all that were drawn are
 * taken, the last one gets the first free number from 2 on.
 */
export function randomName({
  taken,
  random = (limit) => randomInt(limit),
}: RandomNameRequest): string {
  let name = '';
  for (let drawn = 0; drawn < DRAWS; drawn += 1) {
    name = `${oneOf(ADJECTIVES, random)}-${oneOf(NOUNS, random)}`;
    if (!taken.has(name)) return name;
  }
  for (let number = 2; ; number += 1) {
    const numbered = `${name}-${number}`;
    if (!taken.has(numbered)) return numbered;
  }
}

function oneOf(words: readonly string[], random: (limit: number) => number): string {
  const word = words[random(words.length)];
  if (word === undefined) throw new Error('the random number is out of its limits');
  return word;
}
