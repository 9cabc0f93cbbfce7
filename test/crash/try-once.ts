import { execFile } from 'node:child_process';
import { expect } from 'vitest';
import type { StoreLayout } from '../../src/store/layout.js';
import { settleAll, violationsOf, type Violation } from '../support/independent-check.js';
import {
  countSteps,
  failAt,
  killAt,
  shortenAt,
  type Strike,
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
  /** Rejects when something is wrong after the same command was run once more. */
  checkRepeated?(context: Context): Promise<void>;
  /** Removes the context, whatever the check said. */
  dispose?(context: Context): Promise<void>;
}

/** One run of a scenario. */
export interface CrashPoint {
  /** Number of the step that was struck; null in the untouched run. */
  readonly step: number | null;
  readonly strike: Strike | 'power cut' | 'none';
  readonly run: TracedRun;
}

/** Which step is struck, and how. */
export interface Target {
  readonly step: number;
  readonly strike: Strike;
}

/** What is done besides the check of the scenario. */
export interface TryOptions {
  /** Runs the command once more after the check. Default: false. */
  readonly repeats?: boolean;
  /** Whether what a run has left is known to be right, as it is what another one has left: then it is not checked. */
  readonly isKnown?: (store: StoreLayout, run: TracedRun) => Promise<boolean>;
}

/** A run of a scenario, untouched or struck, and all that must hold after it. */
export async function tryOnce<Context>(
  scenario: CrashScenario<Context>,
  target: Target | null,
  options: TryOptions = {},
): Promise<CrashPoint> {
  const context = await scenario.prepare();
  const store = scenario.store?.(context);
  try {
    const known = store && (await violationsOf(store, { atRest: false }));
    const command = scenario.command(context);
    const point: CrashPoint =
      target === null
        ? { step: null, strike: 'none', run: await countSteps(command) }
        : { ...target, run: await strikeAt(command, target) };
    if (target !== null && !point.run.fired) return point;
    expect(point.run.stderr).not.toMatch(/^ +at /m);
    if (store !== undefined && (await options.isKnown?.(store, point.run)) === true) return point;
    const newOnes = beyond(known);
    if (store !== undefined)
      expect(newOnes(await violationsOf(store, { atRest: false }))).toEqual([]);
    await scenario.check(context, point);
    if (store !== undefined) {
      await settleAll(store);
      const left = newOnes(await violationsOf(store, { atRest: true }));
      expect(left.filter(({ kind }) => scenario.mayLeave?.includes(kind) !== true)).toEqual([]);
    }
    if (options.repeats === true) {
      await repeat(command);
      await scenario.checkRepeated?.(context);
      if (store !== undefined) {
        await settleAll(store);
        const left = newOnes(await violationsOf(store, { atRest: true }));
        // What is leaked stays so; whatever else was left, the command itself is to see to.
        expect(left.filter(({ kind }) => kind !== 'mac-row-stray')).toEqual([]);
      }
    }
    return point;
  } finally {
    await scenario.dispose?.(context);
  }
}

async function strikeAt(command: TracedCommand, { step, strike }: Target): Promise<TracedRun> {
  if (strike === 'short write') return await shortenAt(command, { step });
  if (isVictim(strike)) return await killAt(command, { step, victim: strike });
  return await failAt(command, { step, error: strike });
}

/** Whether a strike is a kill. */
export function isVictim(strike: CrashPoint['strike']): strike is Victim {
  return ['main', 'child', 'all'].includes(strike);
}

/** The same command once more: it works, or says in a word why there is nothing to do. */
async function repeat({ argv: [program, ...args], env, cwd }: TracedCommand): Promise<void> {
  const told = await new Promise<string>((resolve) => {
    execFile(program, args, { env: { ...process.env, ...env }, cwd }, (_error, _out, stderr) =>
      resolve(stderr),
    );
  });
  expect(told).not.toMatch(/^ +at /m);
}

/** What is wrong with a store, apart from what was so before: a scenario may be about that. */
function beyond(known: readonly Violation[] = []) {
  const brief = ({ kind, path }: Violation): string => `${kind} ${path}`;
  const before = new Set(known.map(brief));
  return (found: readonly Violation[]) => found.filter((one) => !before.has(brief(one)));
}
