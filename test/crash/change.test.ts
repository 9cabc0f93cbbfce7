import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { CHANGES, CHANGE_STEPS, changeTemplate } from './change-scenario.js';
import { forEachCrashPoint } from './crash-points.js';
import { expectStruck } from './struck.js';

let template: string;

beforeAll(async () => {
  template = await changeTemplate();
});

afterAll(async () => {
  await rm(template, { recursive: true, force: true });
});

describe('killed at any step, the store is as before or as after', () => {
  it.each(Object.entries(CHANGES))(
    'when %s',
    async (operation, scenario) => {
      expectStruck(await forEachCrashPoint(scenario(template)), CHANGE_STEPS[operation]!);
    },
    900_000,
  );
});
