import type { Comparison } from './report.js';

/** What a section of the benchmark works with. */
export interface Bench {
  /** A folder of its own, removed afterwards. */
  readonly folder: string;
  /** The built command: dist/cli/bin.js. */
  readonly bin: string;
  /** Fires at Ctrl-C. */
  readonly signal: AbortSignal;
  /** Says what is going on. */
  readonly say: (text: string) => void;
}

/** One part of the benchmark, which can be run by itself. */
export type Section = (bench: Bench) => Promise<Comparison[]>;
