import { changed, snapshotScenario, without, type SnapshotTemplate } from './snapshot-scenario.js';

type Scenario = ReturnType<typeof snapshotScenario>;

/** The commands that work on snapshots, with what `web` is after them. */
export const SNAPSHOT_OPERATIONS: Readonly<Record<string, (made: SnapshotTemplate) => Scenario>> = {
  'a snapshot is taken': (made) => {
    const { now } = made;
    const after = changed(now, {
      records: { ...now.records, d: [4, 3] },
      contents: { ...now.contents, '@s4': now.active },
      head: 4,
    });
    return snapshotScenario(made, ['snapshot', 'web', '--name', 'd'], [after]);
  },

  'a snapshot is restored': (made) => {
    const { now, then } = made;
    const { cpus, disk, macs, seed } = then;
    const after = changed(now, {
      cpus,
      disk,
      macs,
      seed,
      head: 1,
      vmgenid: 'new',
      active: now.contents['@s1']!,
    });
    return snapshotScenario(made, ['restore', '--destructive', 'web.a'], [after]);
  },

  'snapshots are deleted': (made) => {
    const { now } = made;
    const middle = changed(now, {
      records: { a: [1, 0], c: [3, 1] },
      contents: without(now.contents, '@s2'),
    });
    const after = changed(middle, {
      records: { a: [1, 0] },
      contents: without(middle.contents, '@s3'),
      head: 1,
    });
    // What is wrong with the one keeps nobody from deleting the other.
    const other = changed(now, {
      records: { a: [1, 0], b: [2, 1] },
      contents: without(now.contents, '@s3'),
      head: 2,
    });
    const words = ['delete', '--purge', 'web.b', 'web.c'];
    return snapshotScenario(made, words, [middle, after], [other]);
  },
};
