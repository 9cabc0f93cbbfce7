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

const ERRORS = { kills: false, errors: ['EIO', 'ENOSPC'] } as const;

describe('an error of the disk at any step leaves the store as before or as after', () => {
  it.each(['plain', 'tagged'] as const)(
    'in a clone (%s source)',
    async (source) => {
      const figures = await forEachCrashPoint(cloneScenario(clones, source), ERRORS);
      expectStruck(figures, publishing('copy'));
    },
    1_800_000,
  );

  it.each(['copy', 'move'] as const)(
    'in a migration (--%s)',
    async (mode) => {
      const figures = await forEachCrashPoint(migrateScenario(legacy, mode), ERRORS);
      expectStruck(figures, publishing('db'));
    },
    1_800_000,
  );
});
