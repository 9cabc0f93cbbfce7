/**
 * The known word that a mistyped one was probably meant to be: the one with the fewest letters added, left out,
 * changed, or changed about with their neighbour (the optimal string alignment distance), regardless of case; of
 * several the first. No library that is worth its place counts `lsit` for one slip; so this is our own.
 * @returns undefined when every word is too far off: more than one slip in three letters, or the word itself
 */
function nearest(word: string, known: Iterable<string>): string | undefined {
  let found: string | undefined;
  let least = Math.floor((word.length + 2) / 3) + 1;
  for (const candidate of known) {
    if (candidate === word) return undefined;
    // As many letters must be added or left out at least.
    if (Math.abs(candidate.length - word.length) >= least) continue;
    const slips = slipsBetween(word.toLowerCase(), candidate.toLowerCase());
    if (slips >= least || slips >= candidate.length) continue;
    [found, least] = [candidate, slips];
  }
  return found;
}

/** Row by row: `before[j]` are the slips between the letters so far and the first `j` of the other word. */
function slipsBetween(a: string, b: string): number {
  let [older, before]: [number[], number[]] = [
    [],
    Array.from({ length: b.length + 1 }, (_, j) => j),
  ];
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const changed = a[i - 1] === b[j - 1] ? 0 : 1;
      const isSwapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        (before[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (before[j - 1] ?? 0) + changed,
        isSwapped && i > 1 && j > 1 ? (older[j - 2] ?? 0) + 1 : Infinity,
      );
    }
    [older, before] = [before, row];
  }
  return before[b.length] ?? 0;
}

/**
 * A hint that begins with what was probably meant, where a known word is near.
 * @returns `rest` alone where none is; undefined where there is no rest either
 */
export function guess(word: string, known: Iterable<string>, rest: string): string;
export function guess(word: string, known: Iterable<string>): string | undefined;
export function guess(word: string, known: Iterable<string>, rest?: string): string | undefined {
  const found = nearest(word, known);
  if (found === undefined) return rest;
  const question = `Did you mean "${found}"?`;
  return rest === undefined ? question : `${question} ${rest}`;
}
