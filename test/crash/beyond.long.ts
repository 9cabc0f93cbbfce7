import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BEYOND_OPERATIONS, BEYOND_STEPS } from './beyond-operations.js';
import { beyondTemplate } from './beyond-scenario.js';
import { forEachCrashPoint } from './crash-points.js';
import { expectStruck } from './struck.js';

let template: string;

beforeAll(async () => {
  template = await beyondTemplate();
});
afterAll(() => rm(template, { recursive: true, force: true }));

describe('at any step, the store is as before or as after, and no guest sees a difference', () => {
  it.each(Object.entries(BEYOND_OPERATIONS))(
    'when it is killed while %s',
    async (operation, scenario) => {
      expectStruck(await forEachCrashPoint(scenario(template)), BEYOND_STEPS[operation]!);
    },
    7_200_000,
  );

  // EXDEV is what linking says where there are no hard links.
  it.each(Object.entries(BEYOND_OPERATIONS))(
    'when the disk fails while %s',
    async (operation, scenario) => {
      const errors = ['EIO', 'ENOSPC', 'EXDEV'] as const;
      const figures = await forEachCrashPoint(scenario(template), { kills: false, errors });
      expectStruck(figures, BEYOND_STEPS[operation]!);
      for (const error of errors) {
        const hit = figures.hits.filter(({ strike }) => strike === error);
        expect(hit.map(({ number }) => number)).toEqual([...figures.steps.keys()]);
      }
    },
    7_200_000,
  );
});
