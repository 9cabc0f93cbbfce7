import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forEachCrashPoint } from './crash-points.js';
import { SNAPSHOT_OPERATIONS } from './snapshot-operations.js';
import { removeTemplate, snapshotTemplate, type SnapshotTemplate } from './snapshot-scenario.js';

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
      const { fired, steps } = await forEachCrashPoint(scenario(template), { every: 11 });
      expect(fired).toBeGreaterThanOrEqual(steps / 11);
    },
    900_000,
  );
});
