import { describe, expect, it } from 'vitest';
import { JsonPlace } from '../../../src/files/decoder.js';
import { decodeImageRecord } from '../../../src/vm/records/image-record.js';
import { expectDamageNoticed, expectKeptWhole, expectRefused, type Wrong } from './record-laws.js';
import { imageJson } from './sample-records.js';

const RECORD = {
  id: 'c0ffee',
  release: '24.04 LTS',
  os: 'Ubuntu',
  version: '20260518',
  query: { release: 'lts', remote: '', type: 'alias' },
  lineage: {
    sourceUuid: '01234567-89ab-cdef-0123-456789abcdef',
    sourceName: 'web',
    snapshot: null,
    created: '2026-01-02T03:04:05.678Z',
    strategy: 'copy',
  },
  migratedFrom: {
    name: 'web',
    mac: '52:54:00:00:00:01',
    disk: { inode: '1', size: '2', mtimeNs: '3' },
    created: '2026-01-02T03:04:05.678Z',
  },
};

const WRONG: readonly Wrong[] = [
  ['/id', null],
  ['/release', 24.04],
  ['/os', undefined],
  ['/version', 20260518],
  ['/query', null],
  ['/query/release', null],
  ['/query/remote', undefined],
  ['/query/type', 'ftp'],
  ['/lineage', 'web'],
  ['/lineage/sourceUuid', 'web'],
  ['/lineage/sourceName', null],
  ['/lineage/snapshot', 1],
  ['/lineage/created', 1767323045],
  ['/lineage/strategy', 'magic'],
  ['/migratedFrom', []],
  ['/migratedFrom/name', null],
  ['/migratedFrom/mac', 5],
  ['/migratedFrom/disk', null],
  ['/migratedFrom/disk/inode', 1],
  ['/migratedFrom/disk/size', undefined],
  ['/migratedFrom/disk/mtimeNs', null],
  ['/migratedFrom/created', null],
];

describe('decodeImageRecord', () => {
  it.for(WRONG)('refuses at %s the value %j', (wrong) => {
    expectRefused(decodeImageRecord, RECORD, wrong);
  });

  it('takes an origin that is not there for none', () => {
    const { id, release, os, version, query } = RECORD;
    const text = JSON.stringify({ id, release, os, version, query });
    expect(decodeImageRecord(JsonPlace.parse('f', text))).toEqual({
      id,
      release,
      os,
      version,
      query,
      lineage: null,
      migratedFrom: null,
    });
  });

  it('keeps a record whole, keys of a later version at every depth included', () => {
    expectKeptWhole(decodeImageRecord, imageJson);
  });

  it('notices a file that was cut off anywhere, and bears any bit that flips', () => {
    expectDamageNoticed(decodeImageRecord, RECORD);
  });
});
