import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { forEachCrashPoint } from './crash-points.js';
import { liveTemplate, victimOf } from './live-clone-scenario.js';
import { FORGETTING, LIVE_DELETE_KILLS, liveDeleteScenario } from './live-delete-scenario.js';
import { expectStruck } from './struck.js';

let template: string;

beforeAll(async () => {
  template = await liveTemplate();
});

afterAll(async () => {
  await rm(template, { recursive: true, force: true });
});

describe('the deletion of a snapshot of a running instance that is killed at any step', () => {
  it.for(LIVE_DELETE_KILLS)(
    'is done or not, and the guest runs on: $casualties',
    { timeout: 1_800_000 },
    async (kills) => {
      const figures = await forEachCrashPoint(liveDeleteScenario(template, kills), {
        main: victimOf(kills.casualties),
      });
      expectStruck(figures, FORGETTING);
    },
  );
});
