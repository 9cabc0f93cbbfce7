/** A word that could stand there, and what it means. */
export interface Candidate {
  readonly word: string;
  readonly description?: string;
}

/** What could stand in the place of the word that is being typed. */
export interface Offer {
  readonly candidates: readonly Candidate[];
  /** Paths of the host as well, or alone. */
  readonly paths?: 'files' | 'folders';
  /** True: the word goes on behind a candidate, so no blank follows it. */
  readonly goesOn?: boolean;
}

/** Offers words, without descriptions. */
export function words(list: readonly string[], more: Omit<Offer, 'candidates'> = {}): Offer {
  return { candidates: list.map((word) => ({ word })), ...more };
}

/** What a shell need not quote. Others are not offered: what is in the store must not become part of a command. */
const PLAIN = /^[A-Za-z0-9_.+:=/@,-]+$/;

/**
 * An offer as the scripts read it: on the first line, words for what they do beside (`files`, `folders`, `nospace`),
 * and then a line for each candidate that goes on from what is typed: the word, a tab, and what it means.
 */
export function offerText({ candidates, paths, goesOn }: Offer, typed: string): string {
  const seen = new Set<string>();
  const lines = candidates.flatMap(({ word, description }) => {
    if (seen.has(word) || !word.startsWith(typed) || !PLAIN.test(word)) return [];
    seen.add(word);
    return [description === undefined ? word : `${word}\t${description}`];
  });
  const beside = [
    ...(paths === undefined ? [] : [paths]),
    ...(goesOn === true && lines.length > 0 ? ['nospace'] : []),
  ];
  return [beside.join(' '), ...lines].map((line) => `${line}\n`).join('');
}
