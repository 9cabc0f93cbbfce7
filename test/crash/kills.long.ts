import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { cloneScenario, cloneTemplate } from './clone-scenario.js';
import { forEachCrashPoint } from './crash-points.js';
import { migrateScenario, migrateTemplate } from './migrate-scenario.js';
import { expectStruck, publishing } from './struck.js';

let clones: string;
let legacy: string;

beforeAll(async () => {
  clones = await cloneTemplate();
  legacy = await migrateTemplate();
});

afterAll(async () => {
  await rm(clones, { recursive: true, force: true });
  await rm(legacy, { recursive: true, force: true });
});

describe('killed at any step, the store is as before or as after', () => {
  it('when a disk with snapshots is cloned', async () => {
    const figures = await forEachCrashPoint(cloneScenario(clones, 'tagged'));
    expectStruck(figures, publishing('copy'));
  }, 1_800_000);

  it('when an instance is migrated and the old data stays', async () => {
    const figures = await forEachCrashPoint(migrateScenario(legacy, 'copy'));
    expectStruck(figures, publishing('db'));
  }, 1_800_000);
});
