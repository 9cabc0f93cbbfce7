import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { BEYOND_OPERATIONS, BEYOND_STEPS } from './beyond-operations.js';
import { beyondTemplate } from './beyond-scenario.js';
import { forEachCrashPoint } from './crash-points.js';
import { expectStruck } from './struck.js';

let template: string;

beforeAll(async () => {
  template = await beyondTemplate();
});
afterAll(() => rm(template, { recursive: true, force: true }));

const FEW = 19;

// Every step, and errors of the disk: beyond.long.ts.
describe('killed at some steps, the store is as before or as after, and no guest sees a difference', () => {
  it.each([
    'a written instance is frozen and linked',
    'an instance is flattened',
    'an instance is renamed',
    'three linked clones are made',
  ])(
    'when %s',
    async (operation) => {
      const scenario = BEYOND_OPERATIONS[operation]!(template);
      const figures = await forEachCrashPoint(scenario, { every: FEW });
      expectStruck(figures, BEYOND_STEPS[operation]!, { every: FEW });
    },
    900_000,
  );
});
