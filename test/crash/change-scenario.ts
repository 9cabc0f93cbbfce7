import { writeFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { run } from '../../src/process/run.js';
import { recordText } from '../../src/files/record.js';
import { readInstance } from '../../src/vm/read-instance.js';
import { encodePending } from '../../src/vm/records/pending-record.js';
import { snapshotRecord, writeSnapshot } from '../support/snapshot-record.js';
import { makeInstance } from '../support/store-fixture.js';
import { replacing } from './struck.js';
import { BYSTANDER, makeTemplate, storeScenario } from './store-scenario.js';

type Scenario = ReturnType<typeof storeScenario>;

/** A store with an instance whose operation in place is not finished, and one that is deleted. */
export async function changeTemplate(): Promise<string> {
  return await makeTemplate(async (layout) => {
    await makeInstance(layout, BYSTANDER, { data: 0 });
    await makeInstance(layout, 'gone', { data: 0, spec: { deleted: true } });
    const web = await makeInstance(layout, 'web', { data: 1, tags: 2 });
    const { spec } = readInstance(layout, 'web');
    for (const index of [1, 2]) {
      const { interfaces } = spec;
      await writeSnapshot(web, snapshotRecord(index, { interfaces, parent: 0 }));
    }
    // Unfinished: `@s1` is still in the disk, and the spec does not know yet.
    const pending = {
      step: { operation: 'delete-snapshot', tag: '@s1' },
      spec: { ...spec, snapshotHead: 2 },
      snapshots: new Map([['0001.json', null]]),
    } as const;
    await writeFile(web.pending, recordText(encodePending(pending)));
  });
}

const BEFORE = ['bystander Stopped', 'gone Deleted', 'web Stopped'];
const WEB = 'store/instances/web';
const GONE = 'store/instances/gone';
const replaced = (folder: string): string => `rename ${folder}/spec.json.* ${folder}/spec.json`;

/** The commands that change the state of an instance, on the store of {@link changeTemplate}. */
export const CHANGES: Readonly<Record<string, (template: string) => Scenario>> = {
  'an instance is soft-deleted, and its pending operation finished before': (template) =>
    storeScenario({
      template,
      before: BEFORE,
      args: () => ['delete', 'web'],
      // The first one is that of the pending operation.
      commit: { call: replaced(WEB), times: 2 },
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
    }),

  'an instance is recovered': (template) =>
    storeScenario({
      template,
      before: BEFORE,
      args: () => ['recover', 'gone'],
      commit: { call: replaced(GONE) },
      untouched: ['store/instances/bystander', 'store/instances/web'],
      after: ['bystander Stopped', 'gone Stopped', 'web Stopped'],
    }),

  'the deleted ones are purged': (template) =>
    storeScenario({
      template,
      before: BEFORE,
      args: () => ['purge'],
      commit: { call: `rename ${GONE} store/trash/*` },
      untouched: ['store/instances/bystander', 'store/instances/web'],
      after: ['bystander Stopped', 'web Stopped'],
    }),
};

/** The calls that matter in each of them, in their order. */
export const CHANGE_STEPS: Readonly<Record<string, readonly string[]>> = {
  'an instance is soft-deleted, and its pending operation finished before': [
    `fsync ${WEB}/disk.qcow2`,
    `fsync ${WEB}/snapshots`,
    ...replacing(WEB, 'spec.json'),
    `unlink ${WEB}/pending.json`,
    ...replacing(WEB, 'spec.json'),
  ],
  'an instance is recovered': replacing(GONE, 'spec.json'),
  'the deleted ones are purged': [
    `rename ${GONE} store/trash/*`,
    'fsync store/instances',
    'fsync store/trash',
    'unlink store/trash/*/disk.qcow2',
  ],
};
