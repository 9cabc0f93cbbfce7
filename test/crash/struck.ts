import { expect } from 'vitest';
import { briefStep } from '../support/brief-step.js';
import type { CrashFigures } from './crash-points.js';

/**
 * What was struck is what matters: these calls are among the steps of the untouched run, in this order, whatever else
 * is between them; and each step was struck, unless only `every` n-th was to be.
 */
export function expectStruck(
  { steps, hits }: CrashFigures,
  inOrder: readonly string[],
  { every = 1 }: { readonly every?: number } = {},
): void {
  const calls = steps.map(briefStep);
  let at = 0;
  for (const call of inOrder) {
    const found = calls.indexOf(call, at);
    expect(found, `"${call}" from step ${at} on, in\n${calls.join('\n')}`).not.toBe(-1);
    at = found + 1;
  }
  const struck = new Set(hits.map(({ number }) => number));
  const missed = calls.filter((_, number) => number % every === 0 && !struck.has(number));
  expect(missed).toEqual([]);
  if (every > 1) return;
  const callsStruck = hits.map(({ step }) => briefStep(step));
  expect(callsStruck).toEqual(expect.arrayContaining([...inOrder]));
}

/** Publishing one instance, below the folder of a scenario. */
export function publishing(name: string): string[] {
  return [
    'fsync store/staging/*/spec.json',
    'fsync store/staging/*',
    'fsync store/macs',
    `rename store/staging/* store/instances/${name}`,
    'fsync store/instances',
    'fsync store/staging',
  ];
}

/** Replacing a record: the new one is whole before it is seen, and there for good afterwards. */
export function replacing(folder: string, record: string): string[] {
  return [
    `fsync ${folder}/${record}.*`,
    `rename ${folder}/${record}.* ${folder}/${record}`,
    `fsync ${folder}`,
  ];
}
