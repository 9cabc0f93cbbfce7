import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { cloneScenario, cloneTemplate } from './clone-scenario.js';
import { forEachCrashPoint } from './crash-points.js';
import { expectStruck, publishing } from './struck.js';

let template: string;

beforeAll(async () => {
  template = await cloneTemplate();
});

afterAll(async () => {
  await rm(template, { recursive: true, force: true });
});

describe('a clone that is killed at any step', () => {
  // A source with snapshots, whose disk is converted: kills.long.ts.
  it('leaves the store as before or as after', async () => {
    const figures = await forEachCrashPoint(cloneScenario(template, 'plain'));
    expectStruck(figures, publishing('copy'));
  }, 900_000);
});
