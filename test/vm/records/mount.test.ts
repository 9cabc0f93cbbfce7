import { describe, it } from 'vitest';
import { decodeMount } from '../../../src/vm/records/mount.js';
import { expectDamageNoticed, expectKeptWhole, expectRefused, type Wrong } from './record-laws.js';
import { mountJson } from './sample-records.js';

const MOUNT = {
  source: '/home/me',
  target: '/mnt/me',
  type: 'classic',
  uidMappings: [{ host: 1000, guest: -1 }],
  gidMappings: [{ host: 0, guest: 0 }],
};

const WRONG: readonly Wrong[] = [
  ['/source', null],
  ['/target', 'mnt/me'],
  ['/target', ''],
  ['/target', 1],
  ['/type', 'CLASSIC'],
  ['/type', undefined],
  ['/uidMappings', null],
  ['/uidMappings/0', []],
  ['/uidMappings/0/host', -1],
  ['/uidMappings/0/guest', -2],
  ['/gidMappings/0/host', '0'],
  ['/gidMappings/0/guest', 0.5],
];

describe('decodeMount', () => {
  it.for(WRONG)('refuses at %s the value %j', (wrong) => {
    expectRefused(decodeMount, MOUNT, wrong);
  });

  it('keeps a record whole, keys of a later version at every depth included', () => {
    expectKeptWhole(decodeMount, mountJson);
  });

  it('notices a file that was cut off anywhere, and bears any bit that flips', () => {
    expectDamageNoticed(decodeMount, MOUNT);
  });
});
