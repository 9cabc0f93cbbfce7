import { describe, expect, it } from 'vitest';
import { stateOfFolder } from '../support/store-state.js';
import { briefStep } from '../support/brief-step.js';
import type { Step, Strike } from '../support/inject.js';
import { MissedPoint, strike, strikesAt } from '../crash/crash-points.js';
import { OPERATIONS } from '../crash/operations.js';
import { isVictim, tryOnce, type Target, type TryOptions } from '../crash/try-once.js';
import { MatrixState, type PointResult } from './matrix-state.js';
import { MATRIX } from './matrix-options.js';

const { words, shard, workers, folder } = MATRIX;
const chosen = Object.entries(OPERATIONS).filter(
  ([name]) => words.length === 0 || words.some((word) => name.includes(word)),
);

const ERRORS = ['EIO', 'ENOSPC', 'EDQUOT'] as const;
const LONGEST_MS = 24 * 3_600_000;

describe('each operation, struck in every way at every step', () => {
  it.each(chosen)(
    '%s',
    async (operation, prepare) => {
      const { scenario, remove } = await prepare();
      try {
        const state = new MatrixState(folder, operation, shard);
        const { steps } = (await tryOnce(scenario, null, { repeats: true })).run;
        state.begin(steps.length);
        const targets = steps.flatMap((step, index) =>
          strikesAt(step, { errors: ERRORS, shortWrites: true }).map((one) => ({
            step: index,
            strike: one,
          })),
        );
        const mine = targets.filter((_, index) => index % shard.of === shard.number - 1);
        const seen = new Set<string>();
        const left = mine.filter(
          (target) => !state.has({ ...target, call: callOf(steps, target) }),
        );
        const queue = left.values();
        const worker = async (): Promise<void> => {
          for (const target of queue) {
            const result = isSameAsBefore(steps, target)
              ? ({ result: 'same' } as const)
              : await tryPoint(scenario, target, seen);
            state.add({ ...target, call: callOf(steps, target), ...result });
          }
        };
        await Promise.all(Array.from({ length: workers }, worker));
        expect(state.failures()).toEqual([]);
      } finally {
        await remove();
      }
    },
    LONGEST_MS,
  );
});

function callOf(steps: readonly Step[], { step }: Target): string {
  return `${steps[step]!.process} ${briefStep(steps[step]!)}`;
}

/** A kill after a call that changes nothing finds what a kill before it found. */
function isSameAsBefore(steps: readonly Step[], { step, strike: how }: Target): boolean {
  const [before, now] = [steps[step - 1], steps[step]];
  if (!isVictim(how) || before === undefined || now === undefined) return false;
  const isSync = /^f(?:data)?sync$|^syncfs$/.test(before.syscall);
  return isSync && before.process === 'main' && now.process === 'main';
}

async function tryPoint(
  scenario: Parameters<typeof tryOnce>[0],
  target: Target,
  seen: Set<string>,
): Promise<PointResult> {
  const outcome = { result: 'held' as 'held' | 'seen' };
  const isKnown: TryOptions['isKnown'] = async (store, { exitCode, steps }) => {
    const renames = steps.filter(({ syscall }) => syscall.startsWith('rename')).length;
    const state = `${exitCode === 0} ${renames} ${kindOf(target.strike)} ${await stateOfFolder(store.root)}`;
    outcome.result = seen.has(state) ? 'seen' : 'held';
    seen.add(state);
    return outcome.result === 'seen';
  };
  try {
    await strike(scenario, target, { repeats: true, isKnown });
    return { ...outcome };
  } catch (error) {
    if (error instanceof MissedPoint) return { result: 'missed' };
    return { result: 'failed', problem: error instanceof Error ? error.message : String(error) };
  }
}

/** What the checks of a scenario tell apart. */
function kindOf(how: Strike): string {
  return isVictim(how) ? 'kill' : 'error';
}
