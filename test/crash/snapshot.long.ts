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

describe('killed at any step, record, tag, seed and spec agree after the next command', () => {
  it.each(Object.entries(SNAPSHOT_OPERATIONS))(
    'when %s',
    async (_, scenario) => {
      const figures = await forEachCrashPoint(scenario(template));
      expectStruck(figures, SNAPSHOT_STEPS);
    },
    3_600_000,
  );
});
