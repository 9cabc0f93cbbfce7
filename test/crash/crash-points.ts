import { appendFileSync } from 'node:fs';
import { expect } from 'vitest';
import {
  canBeShort,
  type InjectedError,
  type Step,
  type Strike,
  type Victim,
} from '../support/inject.js';
import { tryOnce, type CrashScenario, type Target, type TryOptions } from './try-once.js';

export type { CrashPoint, CrashScenario } from './try-once.js';

/** How much is tried. */
interface CrashOptions {
  /** Runs side by side. Default: 2. */
  readonly concurrency?: number;
  /** Strikes only every n-th step, and each one that follows a rename: the states that are seen. Default: 1, all. */
  readonly every?: number;
  /** The errors to try in each step. Default: none. */
  readonly errors?: readonly InjectedError[];
  /** Who is killed in a step of the command itself. Default: `main`. */
  readonly main?: 'main' | 'all';
  /** Whether to kill in each step. Default: true. */
  readonly kills?: boolean;
  /** Whether to let each write write half. Default: false. */
  readonly shortWrites?: boolean;
}

/** What was tried; all of it held. */
export interface CrashFigures {
  /** The steps of the untouched run. */
  readonly steps: readonly Step[];
  /** Every strike that hit, as its run reported it; by number. */
  readonly hits: readonly Hit[];
  /** Runs that ended before their point, and were tried again. */
  readonly retried: number;
}

/** A step that was struck, which may be another one than the untouched run had at that number. */
interface Hit {
  readonly number: number;
  readonly strike: Strike;
  readonly step: Step;
}

const ATTEMPTS = 3;

/**
 * Runs the command of a scenario once untouched, then once for each point: each step of the command killed; each
 * step of a child program with the child killed, the command killed, and all of them; each step with each error.
 * Every run has its own context and its own check.
 *
 * @throws AggregateError that names every point whose check failed or which never fired
 */
export async function forEachCrashPoint<Context>(
  scenario: CrashScenario<Context>,
  options: CrashOptions = {},
): Promise<CrashFigures> {
  const { concurrency = 2, every = 1 } = options;
  const { run: clean } = await tryOnce(scenario, null);
  const targets = clean.steps.flatMap((step, index) =>
    index % every === 0 || followsRename(clean.steps, index)
      ? strikesAt(step, options).map((strike) => ({ step: index, strike }))
      : [],
  );
  const failures: Error[] = [];
  const hits: Hit[] = [];
  let retried = 0;
  const queue = targets.values();
  const worker = async (): Promise<void> => {
    for (const target of queue) {
      try {
        const { attempt, step } = await strike(scenario, target);
        retried += attempt;
        hits.push({ number: target.step, strike: target.strike, step });
      } catch (error) {
        failures.push(described(error, target, clean.steps));
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  if (failures.length > 0) throw summary(failures, targets.length);
  noteFigures(clean.steps.length, hits.length);
  return { steps: clean.steps, hits: hits.sort((a, b) => a.number - b.number), retried };
}

/** For docs/reliability.md: a line for each scenario, in the file that `MULTIPASS_TEST_FIGURES` names. */
function noteFigures(steps: number, strikes: number): void {
  const file = process.env['MULTIPASS_TEST_FIGURES'];
  if (file === undefined) return;
  const { currentTestName = '' } = expect.getState();
  appendFileSync(file, `${currentTestName}\t${steps}\t${strikes}\n`);
}

function followsRename(steps: readonly Step[], index: number): boolean {
  return steps[index - 1]?.syscall.startsWith('rename') === true;
}

/** All the ways in which a step may be struck. */
export function strikesAt(
  step: Step,
  { errors = [], kills = true, main = 'main', shortWrites = false }: CrashOptions,
): Strike[] {
  const victims: readonly Victim[] = step.process === 'main' ? [main] : ['main', 'child', 'all'];
  const isShort = shortWrites && canBeShort(step);
  return [...(kills ? victims : []), ...errors, ...(isShort ? (['short write'] as const) : [])];
}

/** Programs that write in another order each time need not come to a step. */
export class MissedPoint extends Error {}

/** Answers what was struck, and how many attempts missed before. */
export async function strike<Context>(
  scenario: CrashScenario<Context>,
  target: Target,
  options: TryOptions = {},
): Promise<{ attempt: number; step: Step }> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const { run } = await tryOnce(scenario, target, options);
    const step = run.steps[target.step];
    if (run.fired && step !== undefined) return { attempt, step };
  }
  throw new MissedPoint(`the run ended before this step, ${ATTEMPTS} times`);
}

function described(cause: unknown, target: Target, steps: readonly Step[]): Error {
  const { syscall, process, paths } = steps[target.step]!;
  const call = `${syscall} ${paths.join(' -> ')} of ${process}`;
  const problem = cause instanceof Error ? cause.message : String(cause);
  return new Error(`step ${target.step} (${call}), ${target.strike}: ${problem}`, {
    cause,
  });
}

function summary(failures: readonly Error[], points: number): AggregateError {
  const lines = failures.slice(0, 10).map((failure) => `  ${failure.message}`);
  const text = `${failures.length} of ${points} crash points failed:\n${lines.join('\n')}`;
  return new AggregateError(failures, text);
}
