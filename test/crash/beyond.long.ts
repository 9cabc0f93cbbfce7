import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BEYOND_OPERATIONS } from './beyond-operations.js';
import { beyondTemplate } from './beyond-scenario.js';
import { forEachCrashPoint } from './crash-points.js';

let template: string;

beforeAll(async () => {
  template = await beyondTemplate();
});
afterAll(() => rm(template, { recursive: true, force: true }));

describe('at any step, the store is as before or as after, and no guest sees a difference', () => {
  it.each(Object.entries(BEYOND_OPERATIONS))(
    'when it is killed while %s',
    async (_, scenario) => {
      const { fired, steps } = await forEachCrashPoint(scenario(template));
      expect(fired).toBeGreaterThanOrEqual(steps);
    },
    7_200_000,
  );

  // EXDEV is what linking says where there are no hard links.
  it.each(Object.entries(BEYOND_OPERATIONS))(
    'when the disk fails while %s',
    async (_, scenario) => {
      const errors = ['EIO', 'ENOSPC', 'EXDEV'] as const;
      const { fired, steps } = await forEachCrashPoint(scenario(template), {
        kills: false,
        errors,
      });
      expect(fired).toBe(3 * steps);
    },
    7_200_000,
  );
});
