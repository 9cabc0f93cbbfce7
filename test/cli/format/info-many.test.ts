import { expect, test } from 'vitest';
import { groupByInstance } from '../../../src/cli/format/info-items.js';
import { sampleSnapshot, sampleView } from './sample-views.js';

const MANY = 10_000;

/** As many as that took 11 s of processor time while each was looked for among all the others. */
test('brings many instances and their snapshots together in one pass', () => {
  const names = Array.from({ length: MANY }, (_, at) => `web-${String(at).padStart(5, '0')}`);
  const instances = names.map((name) => ({ view: sampleView(name), snapshotCount: 2 }));
  const snapshots = ['first', 'second'].flatMap((snapshot) =>
    names.map((name) => sampleSnapshot(name, { name: snapshot, index: 1 })),
  );
  const begin = process.cpuUsage();
  const groups = groupByInstance({ instances, snapshots, primary: 'web-00007' });
  const { user } = process.cpuUsage(begin);
  expect(groups.map(({ name }) => name)).toEqual([
    'web-00007',
    ...names.filter((name) => name !== 'web-00007'),
  ]);
  expect(groups.every(({ snapshots: own }) => own.length === 2)).toBe(true);
  expect(user / 1e6).toBeLessThan(2);
});
