import type { Mount } from '../../../src/vm/records/mount.js';
import { BROKEN_VIEW, SAMPLE_RUNTIME, sampleSnapshot, sampleView } from './sample-views.js';

const MOUNTS: readonly Mount[] = [
  {
    source: '/srv/data',
    target: '/home/ubuntu/data',
    type: 'classic',
    uidMappings: [
      { host: 1000, guest: -1 },
      { host: 1001, guest: 33 },
    ],
    gidMappings: [{ host: 1000, guest: 1000 }],
  },
  { source: '/srv', target: '/mnt/all', type: 'native', uidMappings: [], gidMappings: [] },
];

/** Runs, and tells all it can. */
export const RUNNING_VIEW = sampleView('web', { state: 'Running', runtime: SAMPLE_RUNTIME });
/** RUNNING_VIEW with mounts. */
export const WEB = {
  view: { ...RUNNING_VIEW, spec: { ...RUNNING_VIEW.spec, mounts: MOUNTS } },
  snapshotCount: 2,
};
/** Stopped, with nothing to tell. */
export const DB = { view: sampleView('db'), snapshotCount: 0 };
export const BROKEN = { view: BROKEN_VIEW, snapshotCount: 0 };
/** Has something in every field. */
export const SNAPSHOT = sampleSnapshot(
  'web',
  { index: 2, name: 'second', comment: 'One: "two",\n\nthree', mounts: MOUNTS },
  { parent: 'first', children: ['fourth', 'third'] },
);
/** Older than SNAPSHOT, with nothing in any field that may be empty. */
export const BARE_SNAPSHOT = sampleSnapshot('web', {
  index: 1,
  name: 'first',
  created: '2026-01-01T00:00:00.000Z',
});
