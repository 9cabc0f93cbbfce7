import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { adoptFolderScenario, adoptFolderTemplate } from './adopt-folder-scenario.js';
import { forEachCrashPoint } from './crash-points.js';
import { expectStruck, publishing } from './struck.js';

let template: string;

beforeAll(async () => {
  template = await adoptFolderTemplate();
});

afterAll(async () => {
  await rm(template, { recursive: true, force: true });
});

const FEW = 14;

describe('killed at any step, a folder outside that is adopted is untouched', () => {
  it('and the store is as before, or has the whole instance', async () => {
    const figures = await forEachCrashPoint(adoptFolderScenario(template), { every: FEW });
    expectStruck(figures, publishing('copy'), { every: FEW });
  }, 900_000);
});
