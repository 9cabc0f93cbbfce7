import type { Command } from '../simulation/command.js';
import type { CommandResult } from '../support/command.js';

/** What a racer is told to do. */
export interface Order {
  readonly root: string;
  /** How far its clock is from that of everybody else. */
  readonly shiftMs: number;
  /** By the library, or as words of the command. */
  readonly deed: { readonly command: Command } | { readonly words: readonly string[] };
}

/** What it reports. */
export interface Report {
  /** Uuids by the names of clones. */
  readonly made: readonly (readonly [string, string])[];
  /** Of a command by the library that failed. */
  readonly failure?: Failure;
  /** Of one by its words. */
  readonly result?: CommandResult;
}

/** An error, as it comes from one process to another. */
export interface Failure {
  readonly code: string | undefined;
  readonly message: string;
  readonly stack: string | undefined;
  /** Whether it says that the operation goes on. */
  readonly isPending: boolean;
}
