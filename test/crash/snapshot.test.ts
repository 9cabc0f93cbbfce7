import { afterAll, beforeAll, describe, it } from 'vitest';
import { forEachCrashPoint } from './crash-points.js';
import { SNAPSHOT_OPERATIONS } from './snapshot-operations.js';
import {
  removeTemplate,
  SNAPSHOT_STEPS,
  snapshotTemplate,
  type SnapshotTemplate,
} from './snapshot-scenario.js';
import { expectStruck } from './struck.js';

let template: SnapshotTemplate;

beforeAll(async () => {
  template = await snapshotTemplate();
});
afterAll(() => removeTemplate(template));

// Every step: snapshot.long.ts.
describe('killed at many a step, record, tag, seed and spec agree after the next command', () => {
  it.each(Object.entries(SNAPSHOT_OPERATIONS))(
    'when %s',
    async (_, scenario) => {
      const figures = await forEachCrashPoint(scenario(template), { every: 11 });
      expectStruck(figures, SNAPSHOT_STEPS, { every: 11 });
    },
    900_000,
  );
});
