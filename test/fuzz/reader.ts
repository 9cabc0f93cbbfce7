import type { TextKind } from './mutate-text.js';

/** What inputs look like, which is how they are changed. */
export type Grammar = 'bytes' | 'json' | TextKind;

/** A folder of one input, in which its reader may do what it likes. */
export interface Place {
  readonly folder: string;
  /** Writes a file into it. @returns its path */
  file(name: string, data: Buffer): string;
}

/** A reader of outside data, and what is to be known of it. */
export interface FuzzedReader<Result = unknown> {
  /** What it is called on the command line, and its folder in the corpus. */
  readonly name: string;
  readonly grammar: Grammar;
  /** Real ones: of the programs that write them, or as those were seen to. */
  readonly samples: () => readonly Buffer[] | Promise<readonly Buffer[]>;
  /** Puts right what was changed and would hide everything else: sums. Done to most inputs, not to all. */
  readonly mend?: (input: Buffer) => Buffer;
  readonly read: (input: Buffer, place: Place) => Result | Promise<Result>;
  /** Why a result is not right; undefined: it is. */
  readonly problem?: (result: Result, input: Buffer, place: Place) => string | undefined;
  /** Whether an error that is no MultipassError is one that the reader's own callers are promised, and turn into one. */
  readonly mayThrow?: (error: Error) => boolean;
  /** How often it is tried, beside 1 for others: less than that for what is slow. */
  readonly share?: number;
  /** It opens files, which are to be closed again. */
  readonly opens?: boolean;
}

/** A reader, whatever it makes. */
export function reader<Result>(described: FuzzedReader<Result>): FuzzedReader {
  return described as FuzzedReader;
}

/** The share of one that takes a hundred times as long. */
export const SLOW = 0.05;

/** Texts as bytes. */
export function texts(...all: readonly (string | object)[]): Buffer[] {
  return all.map((one) =>
    Buffer.from(typeof one === 'string' ? one : JSON.stringify(one, null, 2)),
  );
}

/** A plain Error, as the readers of a text throw to whoever has its path. */
export function isPlainError(error: Error): boolean {
  return Object.getPrototypeOf(error) === Error.prototype && error.message !== '';
}
