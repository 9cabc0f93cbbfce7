import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { ADOPT_STEPS, adoptScenario, adoptTemplate } from './adopt-scenario.js';
import { forEachCrashPoint } from './crash-points.js';
import { expectStruck } from './struck.js';

let template: string;

beforeAll(async () => {
  template = await adoptTemplate();
});

afterAll(async () => {
  await rm(template, { recursive: true, force: true });
});

const FEW = 3;

describe('killed at any step, a copy that is adopted is the copy that it was, or an instance', () => {
  it('with new addresses everywhere, and its original as it was', async () => {
    const figures = await forEachCrashPoint(adoptScenario(template), { every: FEW });
    expectStruck(figures, ADOPT_STEPS, { every: FEW });
  }, 900_000);
});
