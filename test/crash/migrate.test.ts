import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forEachCrashPoint } from './crash-points.js';
import { migrateScenario, migrateTemplate } from './migrate-scenario.js';

let template: string;

beforeAll(async () => {
  template = await migrateTemplate();
});

afterAll(async () => {
  await rm(template, { recursive: true, force: true });
});

describe('a migration that is killed at any step', () => {
  // One that copies, and leaves the old data alone: kills.long.ts.
  it('leaves the instance in the old data or in the store, whole', async () => {
    const { fired, steps } = await forEachCrashPoint(migrateScenario(template, 'move'));
    expect(fired).toBeGreaterThanOrEqual(steps);
    expect(steps).toBeGreaterThan(40);
  }, 900_000);
});
