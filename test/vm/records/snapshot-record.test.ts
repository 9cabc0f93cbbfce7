import { describe, expect, it } from 'vitest';
import {
  decodeSnapshotRecord,
  snapshotFileName,
  snapshotTag,
} from '../../../src/vm/records/snapshot-record.js';
import { expectDamageNoticed, expectKeptWhole, expectRefused, type Wrong } from './record-laws.js';
import { snapshotJson } from './sample-records.js';

const SNAPSHOT = {
  index: 2,
  name: 'before-upgrade',
  comment: 'all is well',
  parent: 1,
  created: '2026-01-02T03:04:05.678Z',
  cpus: 1,
  memory: 1_073_741_824,
  disk: 5_368_709_120,
  interfaces: [{ mac: '52:54:00:00:00:01', network: null, auto: true }],
  mounts: [{ source: '/a', target: '/b', type: 'native', uidMappings: [], gidMappings: [] }],
  instanceId: 'web',
};

const WRONG: readonly Wrong[] = [
  ['/index', 0],
  ['/index', '2'],
  ['/name', null],
  ['/comment', undefined],
  ['/parent', -1],
  ['/parent', null],
  ['/created', null],
  ['/cpus', 0],
  ['/memory', 0],
  ['/disk', 1.5],
  ['/interfaces', null],
  ['/interfaces/0/mac', ''],
  ['/mounts', {}],
  ['/mounts/0/target', 'b'],
  ['/instanceId', 1],
];

describe('decodeSnapshotRecord', () => {
  it.for(WRONG)('refuses at %s the value %j', (wrong) => {
    expectRefused(decodeSnapshotRecord, SNAPSHOT, wrong);
  });

  it('keeps a record whole, keys of a later version at every depth included', () => {
    expectKeptWhole(decodeSnapshotRecord, snapshotJson);
  });

  it('notices a file that was cut off anywhere, and bears any bit that flips', () => {
    expectDamageNoticed(decodeSnapshotRecord, SNAPSHOT);
  });
});

describe('the names of a snapshot', () => {
  it('come from its index alone', () => {
    expect([1, 42, 9999].map(snapshotFileName)).toEqual(['0001.json', '0042.json', '9999.json']);
    expect([1, 9999].map(snapshotTag)).toEqual(['@s1', '@s9999']);
  });
});
