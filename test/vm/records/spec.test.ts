import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonPlace } from '../../../src/files/decoder.js';
import { decodeSpec } from '../../../src/vm/records/spec.js';
import {
  expectDamageNoticed,
  expectKeptWhole,
  expectRecordOrError,
  expectRefused,
  type Wrong,
} from './record-laws.js';
import { specJson } from './sample-records.js';

const SPEC = {
  uuid: '01234567-89ab-cdef-0123-456789abcdef',
  vmgenid: '11234567-89ab-cdef-0123-456789abcdef',
  cpus: 2,
  memory: 1_073_741_824,
  disk: 5_368_709_120,
  sshUser: 'ubuntu',
  sshKey: null,
  interfaces: [
    { mac: '52:54:00:00:00:01', network: null, auto: true },
    { mac: '52:54:00:00:00:02', network: 'br0', auto: false },
  ],
  mounts: [
    {
      source: '/home/me',
      target: '/mnt/me',
      type: 'classic',
      uidMappings: [{ host: 1000, guest: -1 }],
      gidMappings: [],
    },
  ],
  snapshotHead: 0,
  deleted: false,
  autostart: true,
};

const WRONG: readonly Wrong[] = [
  ['/uuid', undefined],
  ['/uuid', SPEC.uuid.toUpperCase()],
  ['/uuid', `${SPEC.uuid}\n`],
  ['/uuid', '../../../etc/passwd'],
  ['/vmgenid', null],
  ['/vmgenid', ''],
  ['/cpus', 0],
  ['/cpus', '2'],
  ['/cpus', 1.5],
  ['/memory', -1],
  ['/memory', 2 ** 60],
  ['/disk', null],
  ['/disk', '5G'],
  ['/sshUser', ''],
  ['/sshUser', '-oProxyCommand=x'],
  ['/sshUser', 'a b'],
  ['/sshUser', 'u'.repeat(33)],
  ['/sshKey', ''],
  ['/sshKey', '../id_rsa'],
  ['/sshKey', '/etc/key'],
  ['/sshKey', '.hidden'],
  ['/sshKey', '-i'],
  ['/sshKey', 7],
  ['/interfaces', undefined],
  ['/interfaces', []],
  ['/interfaces', {}],
  ['/interfaces/0', null],
  ['/interfaces/1/mac', '52:54:00:00:00'],
  ['/mounts', null],
  ['/mounts/0', 'x'],
  ['/mounts/0/uidMappings/0/host', -1],
  ['/snapshotHead', -1],
  ['/snapshotHead', null],
  ['/deleted', undefined],
  ['/deleted', 'false'],
  ['/deleted', 0],
  ['/autostart', 'yes'],
];

describe('decodeSpec', () => {
  it.for(WRONG)('refuses at %s the value %j', (wrong) => {
    expectRefused(decodeSpec, SPEC, wrong);
  });

  it.for(['null', '[]', '"spec"', '1'])('refuses %s for a whole spec', (text) => {
    expect(() => decodeSpec(JsonPlace.parse('spec.json', text))).toThrow('expected an object');
  });

  it('takes a key that is not there for none', () => {
    const { sshKey, ...rest } = SPEC;
    expect(sshKey).toBeNull();
    expect(decodeSpec(JsonPlace.parse('f', JSON.stringify(rest))).sshKey).toBeNull();
  });

  it('keeps a record whole, keys of a later version at every depth included', () => {
    expectKeptWhole(decodeSpec, specJson);
  });

  it('notices a file that was cut off anywhere, and bears any bit that flips', () => {
    expectDamageNoticed(decodeSpec, SPEC);
  });

  it('answers with a record or a RecordError to anything put anywhere', () => {
    const places = [...new Set(WRONG.map(([at]) => at))];
    fc.assert(
      fc.property(specJson, fc.constantFrom(...places), fc.jsonValue(), (spec, at, value) => {
        const [, key = ''] = at.split('/');
        const text = JSON.stringify({ ...spec, [key]: value });
        expectRecordOrError(decodeSpec, Buffer.from(text));
      }),
    );
  });
});
