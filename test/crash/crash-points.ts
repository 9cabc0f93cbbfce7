import { appendFileSync } from 'node:fs';
import { expect } from 'vitest';
import type { StoreLayout } from '../../src/store/layout.js';
import { settleAll, violationsOf, type Violation } from '../support/independent-check.js';
import {
  countSteps,
  failAt,
  killAt,
  type InjectedError,
  type Step,
  type TracedCommand,
  type TracedRun,
  type Victim,
} from '../support/inject.js';

/** What is struck, and what must hold after it. `Context` is what one run works on: a folder, mostly. */
export interface CrashScenario<Context> {
  /** Makes a fresh, equal context for one run; must be cheap, such as `cp -a` of a template. */
  prepare(): Promise<Context>;
  command(context: Context): TracedCommand;
  /** Rejects when something is wrong after the run. */
  check(context: Context, point: CrashPoint): Promise<void>;
  /** Its store, which the independent checker looks at after each run; none: there is no store, or a guest runs in it. */
  store?(context: Context): StoreLayout;
  /** Kinds of violations that the next command need not have put right: somebody else will, or they do no harm. */
  readonly mayLeave?: readonly string[];
  /** Removes the context, whatever the check said. */
  dispose?(context: Context): Promise<void>;
}

/** One run of a scenario. */
export interface CrashPoint {
  /** Number of the step that was struck; null in the untouched run. */
  readonly step: number | null;
  readonly strike: Victim | InjectedError | 'none';
  readonly run: TracedRun;
}

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
  readonly strike: Victim | InjectedError;
  readonly step: Step;
}

type Target = { readonly step: number } & (
  | { readonly victim: Victim; readonly error?: never }
  | { readonly error: InjectedError; readonly victim?: never }
);

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
    index % every === 0 || followsRename(clean.steps, index) ? targetsAt(step, index, options) : [],
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
        hits.push({ number: target.step, strike: target.victim ?? target.error, step });
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

function targetsAt(
  { process }: Step,
  step: number,
  { errors = [], kills = true, main = 'main' }: CrashOptions,
): Target[] {
  const victims: readonly Victim[] = process === 'main' ? [main] : ['main', 'child', 'all'];
  return [
    ...(kills ? victims : []).map((victim) => ({ step, victim })),
    ...errors.map((error) => ({ step, error })),
  ];
}

/** Answers what was struck, and how many attempts missed before. */
async function strike<Context>(
  scenario: CrashScenario<Context>,
  target: Target,
): Promise<{ attempt: number; step: Step }> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const { run } = await tryOnce(scenario, target);
    const step = run.steps[target.step];
    if (run.fired && step !== undefined) return { attempt, step };
  }
  throw new Error(`the run ended before this step, ${ATTEMPTS} times`);
}

async function tryOnce<Context>(
  scenario: CrashScenario<Context>,
  target: Target | null,
): Promise<CrashPoint> {
  const context = await scenario.prepare();
  const store = scenario.store?.(context);
  try {
    const known = store && (await violationsOf(store, { atRest: false }));
    const command = scenario.command(context);
    const point: CrashPoint =
      target === null
        ? { step: null, strike: 'none', run: await countSteps(command) }
        : {
            step: target.step,
            strike: target.victim ?? target.error,
            run: await (target.victim === undefined
              ? failAt(command, target)
              : killAt(command, target)),
          };
    if (target === null || point.run.fired) {
      const newOnes = beyond(known);
      if (store !== undefined)
        expect(newOnes(await violationsOf(store, { atRest: false }))).toEqual([]);
      await scenario.check(context, point);
      if (store !== undefined) {
        await settleAll(store);
        const left = newOnes(await violationsOf(store, { atRest: true }));
        expect(left.filter(({ kind }) => scenario.mayLeave?.includes(kind) !== true)).toEqual([]);
      }
    }
    return point;
  } finally {
    await scenario.dispose?.(context);
  }
}

/** What is wrong with a store, apart from what was so before: a scenario may be about that. */
function beyond(known: readonly Violation[] = []) {
  const brief = ({ kind, path }: Violation): string => `${kind} ${path}`;
  const before = new Set(known.map(brief));
  return (found: readonly Violation[]) => found.filter((one) => !before.has(brief(one)));
}

function described(cause: unknown, target: Target, steps: readonly Step[]): Error {
  const { syscall, process, paths } = steps[target.step]!;
  const call = `${syscall} ${paths.join(' -> ')} of ${process}`;
  const problem = cause instanceof Error ? cause.message : String(cause);
  return new Error(`step ${target.step} (${call}), ${target.victim ?? target.error}: ${problem}`, {
    cause,
  });
}

function summary(failures: readonly Error[], points: number): AggregateError {
  const lines = failures.slice(0, 10).map((failure) => `  ${failure.message}`);
  const text = `${failures.length} of ${points} crash points failed:\n${lines.join('\n')}`;
  return new AggregateError(failures, text);
}
