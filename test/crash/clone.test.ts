import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneScenario, cloneTemplate } from './clone-scenario.js';
import { forEachCrashPoint } from './crash-points.js';

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
    const { fired, steps } = await forEachCrashPoint(cloneScenario(template, 'plain'));
    expect(fired).toBeGreaterThanOrEqual(steps);
    expect(steps).toBeGreaterThan(40);
  }, 900_000);
});
