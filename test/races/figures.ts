import { appendFileSync } from 'node:fs';

/** What was done. */
export interface Figures {
  rounds: number;
  operations: number;
  kills: number;
  stops: number;
  /** Operations by a clock that is not that of the others. */
  jumps: number;
  /** Pairs of kinds that have met at one instance. */
  pairs: number;
  /** Of the operation that took longest. */
  longestMs: number;
}

/** For docs/reliability.md: a line for each run, in the file that `MULTIPASS_TEST_FIGURES` names. */
export function tellFigures(figures: Figures): void {
  const file = process.env['MULTIPASS_TEST_FIGURES'];
  if (file !== undefined) appendFileSync(file, `${JSON.stringify({ races: figures })}\n`);
}
