import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { forEachCrashPoint } from './crash-points.js';
import {
  FREEZING,
  LIVE_KILLS,
  liveCloneScenario,
  liveTemplate,
  victimOf,
} from './live-clone-scenario.js';
import { expectStruck, publishing } from './struck.js';

let template: string;

beforeAll(async () => {
  template = await liveTemplate();
});

afterAll(async () => {
  await rm(template, { recursive: true, force: true });
});

// Each step: live-clone.long.ts.
describe('a live clone that is killed at many a step', () => {
  it.for(LIVE_KILLS)(
    'leaves a guest that runs on: $how copy, $casualties',
    { timeout: 900_000 },
    async (kills) => {
      const every = kills.every;
      const figures = await forEachCrashPoint(liveCloneScenario(template, kills), {
        every,
        main: victimOf(kills.casualties),
      });
      const order = kills.how === 'linked' ? FREEZING : [];
      expectStruck(figures, [...order, ...publishing('copy')], { every });
    },
  );
});
