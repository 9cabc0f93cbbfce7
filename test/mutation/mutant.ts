/** A guard of the core that is switched off, and the tests that must notice. */
export interface Mutant {
  /** What the guard is for. */
  readonly why: string;
  /** The file of the guard, relative to the project. */
  readonly file: string;
  /** Text that is in the file exactly once; otherwise the guard has moved, which is an error. */
  readonly find: string;
  readonly replace: string;
  /** The test files that cover it. One failing test among them kills the mutant. */
  readonly tests: readonly string[];
}

/** The file with its guard switched off. @throws Error when the guard is not there exactly once */
export function mutate({ file, find, replace }: Mutant, source: string): string {
  const parts = source.split(find);
  if (parts.length !== 2) {
    throw new Error(`${file}: found ${parts.length - 1} times, not once:\n${find}`);
  }
  return parts.join(replace);
}
