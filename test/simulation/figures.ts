import { appendFileSync } from 'node:fs';
import type { Outcome } from './simulate.js';

/** For docs/reliability.md: a line for each run, in the file that `MULTIPASS_TEST_FIGURES` names. */
export function tellFigures(outcomes: readonly Outcome[]): void {
  const file = process.env['MULTIPASS_TEST_FIGURES'];
  if (file === undefined) return;
  const sum = (key: 'calls' | 'commands' | 'kills' | 'cuts'): number =>
    outcomes.reduce((total, outcome) => total + outcome[key], 0);
  const failed = outcomes.filter(({ faults }) => faults.length > 0).length;
  const figures = {
    simulated: outcomes.length,
    failed,
    commands: sum('commands'),
    calls: sum('calls'),
    kills: sum('kills'),
    cuts: sum('cuts'),
  };
  appendFileSync(file, `${JSON.stringify(figures)}\n`);
}
