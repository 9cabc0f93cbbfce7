/** A mutant that no test kills, and why. */
interface Equivalent {
  readonly key: string;
  readonly why: string;
}

/** Guards whose absence nobody could see in what is promised. */
export const EQUIVALENT: readonly Equivalent[] = [];

const KEYS = new Set(EQUIVALENT.map(({ key }) => key));

/** Whether a mutant is known to be of no consequence. */
export function isEquivalent(key: string): boolean {
  return KEYS.has(key);
}
