import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { forEachCrashPoint } from './crash-points.js';
import { importScenario, importTemplate } from './import-scenario.js';
import { expectStruck, publishing } from './struck.js';

let template: string;

beforeAll(async () => {
  template = await importTemplate();
});

afterAll(async () => {
  await rm(template, { recursive: true, force: true });
});

describe('an import that is killed at any step', () => {
  it('leaves the store as before or as after', async () => {
    const figures = await forEachCrashPoint(importScenario(template));
    expectStruck(figures, publishing('web'));
  }, 900_000);
});
