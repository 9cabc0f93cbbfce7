import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { forEachCrashPoint } from './crash-points.js';
import { liveTemplate, victimOf } from './live-clone-scenario.js';
import { KEEPING, LIVE_SNAPSHOT_KILLS, liveSnapshotScenario } from './live-snapshot-scenario.js';
import { expectStruck } from './struck.js';

let template: string;

beforeAll(async () => {
  template = await liveTemplate();
});

afterAll(async () => {
  await rm(template, { recursive: true, force: true });
});

describe('a live snapshot that is killed at any step', () => {
  it.for(LIVE_SNAPSHOT_KILLS)(
    'of $of is there or not, and the guest runs on: $casualties',
    { timeout: 1_800_000 },
    async (kills) => {
      const figures = await forEachCrashPoint(liveSnapshotScenario(template, kills), {
        main: victimOf(kills.casualties),
      });
      expectStruck(figures, KEEPING);
    },
  );
});
