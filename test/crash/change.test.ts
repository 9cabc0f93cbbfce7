import { writeFile } from 'node:fs/promises';
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/process/run.js';
import { recordText } from '../../src/files/record.js';
import { readInstance } from '../../src/vm/read-instance.js';
import { encodePending } from '../../src/vm/records/pending-record.js';
import { makeInstance } from '../support/store-fixture.js';
import { forEachCrashPoint } from './crash-points.js';
import { BYSTANDER, makeTemplate, storeScenario, type StoreScenario } from './store-scenario.js';

let template: string;

beforeAll(async () => {
  template = await makeTemplate(async (layout) => {
    await makeInstance(layout, BYSTANDER, { data: 0 });
    await makeInstance(layout, 'gone', { data: 0, spec: { deleted: true } });
    const web = await makeInstance(layout, 'web', { data: 1, tags: 2 });
    // Unfinished: `@s1` is still in the disk, and the spec does not know yet.
    const { spec } = readInstance(layout, 'web');
    const pending = {
      step: { operation: 'delete-snapshot', tag: '@s1' },
      spec: { ...spec, snapshotHead: 2 },
      snapshots: new Map([['0001.json', null]]),
    } as const;
    await writeFile(web.pending, recordText(encodePending(pending)));
  });
});

afterAll(async () => {
  await rm(template, { recursive: true, force: true });
});

const BEFORE = ['bystander Stopped', 'gone Deleted', 'web Stopped'];

async function strike(scenario: Omit<StoreScenario, 'template' | 'before'>): Promise<void> {
  const { fired, steps } = await forEachCrashPoint(
    storeScenario({ template, before: BEFORE, ...scenario }),
  );
  expect(fired).toBeGreaterThanOrEqual(steps);
  expect(steps).toBeGreaterThan(10);
}

describe('killed at any step, the store is as before or as after', () => {
  it('when an instance is soft-deleted, and its pending operation finished before', async () => {
    await strike({
      args: () => ['delete', 'web'],
      untouched: ['store/instances/bystander', 'store/instances/gone'],
      after: ['bystander Stopped', 'gone Deleted', 'web Deleted'],
      check: async ({ layout }, isAfter) => {
        const { dir, pending, disk, spec } = readInstance(layout, 'web');
        expect(spec.snapshotHead).toBe(2);
        if (isAfter) expect(pending).toBeUndefined();
        if (pending !== undefined) return;
        expect(disk.snapshots.map(({ name }) => name)).toEqual(['@s2']);
        await run('qemu-img', ['check', '-q', dir.disk]);
      },
    });
  }, 900_000);

  it('when an instance is recovered', async () => {
    await strike({
      args: () => ['recover', 'gone'],
      untouched: ['store/instances/bystander', 'store/instances/web'],
      after: ['bystander Stopped', 'gone Stopped', 'web Stopped'],
    });
  }, 900_000);

  it('when the deleted ones are purged', async () => {
    await strike({
      args: () => ['purge'],
      untouched: ['store/instances/bystander', 'store/instances/web'],
      after: ['bystander Stopped', 'web Stopped'],
    });
  }, 900_000);
});
