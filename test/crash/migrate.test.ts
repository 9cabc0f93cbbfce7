import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { forEachCrashPoint } from './crash-points.js';
import { migrateScenario, migrateTemplate } from './migrate-scenario.js';
import { expectStruck, publishing } from './struck.js';

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
    const figures = await forEachCrashPoint(migrateScenario(template, 'move'));
    // The old disk goes only when the new instance is there for good.
    const old = 'legacy/data/vault/instances/db';
    expectStruck(figures, [...publishing('db'), `rmdir ${old}`]);
  }, 900_000);
});
