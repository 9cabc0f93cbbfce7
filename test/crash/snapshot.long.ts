import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forEachCrashPoint } from './crash-points.js';
import { SNAPSHOT_OPERATIONS } from './snapshot-operations.js';
import { removeTemplate, snapshotTemplate, type SnapshotTemplate } from './snapshot-scenario.js';

let template: SnapshotTemplate;

beforeAll(async () => {
  template = await snapshotTemplate();
});
afterAll(() => removeTemplate(template));

describe('killed at any step, record, tag, seed and spec agree after the next command', () => {
  it.each(Object.entries(SNAPSHOT_OPERATIONS))(
    'when %s',
    async (_, scenario) => {
      const { fired, steps } = await forEachCrashPoint(scenario(template));
      expect(fired).toBeGreaterThanOrEqual(steps);
    },
    3_600_000,
  );
});
