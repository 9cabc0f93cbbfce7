import { MultipassError } from '../errors.js';

/** Longest name: it becomes a hostname label (RFC 1123), which ends at 63 characters. */
const LONGEST_NAME = 63;

/** Multipass's rule: a letter, then letters, digits and hyphens, a letter or digit last. */
const NAME = /^[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/;

/**
 * True for a name that an instance or a snapshot may have. Such a name is safe as one path component, as a hostname
 * and as an argument: it has no dot, slash, blank or leading hyphen.
 */
export function isValidName(name: string): boolean {
  return name.length <= LONGEST_NAME && NAME.test(name);
}

/** @throws MultipassError INVALID_NAME with Multipass's text for a clone's destination */
export function requireDestinationName(name: string): void {
  if (isValidName(name)) return;
  throw new MultipassError('INVALID_NAME', `Invalid destination instance name: ${name}`, {
    hint: `Use 1 to ${LONGEST_NAME} letters, digits and hyphens, a letter first and no hyphen last.`,
    details: { name },
  });
}

/**
 * Those of `<source>-clone1`, `<source>-clone2`, … that are not taken, without end: gaps are used again, and a taken
 * one never blocks.
 */
export function* firstFreeCloneNames(
  source: string,
  taken: ReadonlySet<string>,
): Generator<string, never> {
  for (let number = 1; ; number += 1) {
    const name = `${cloneNameStem(source)}${number}`;
    if (!taken.has(name)) yield name;
  }
}

/** What the automatic names of a source's clones begin with, before the number. */
export function cloneNameStem(source: string): string {
  return `${source}-clone`;
}
