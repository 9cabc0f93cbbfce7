import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonPlace } from '../../../src/files/decoder.js';
import { recordText } from '../../../src/files/record.js';
import { decodePending, encodePending } from '../../../src/vm/records/pending-record.js';
import { expectDamageNoticed, expectRefused, type Wrong } from './record-laws.js';
import { snapshotJson, specJson } from './sample-records.js';

const tag = fc.oneof(
  fc.integer({ min: 1, max: 9999 }).map((index) => `@s${index}`),
  fc.constant('suspend'),
);
const base = fc.stringMatching(/^base-[A-Za-z0-9_-]{1,128}\.qcow2$/);

const step = fc.oneof(
  fc.record({ operation: fc.constant('rewrite'), arguments: fc.constant({}) }),
  fc.record({
    operation: fc.constantFrom('snapshot', 'restore', 'delete-snapshot'),
    arguments: fc.record({ tag }),
  }),
  fc.record({
    operation: fc.constant('resize'),
    arguments: fc.record({ size: fc.integer({ min: 1, max: 2 ** 48 }) }),
  }),
  fc.record({
    operation: fc.constant('rebase'),
    arguments: fc.record({ backing: fc.option(base) }),
  }),
);

const snapshotFile = fc
  .integer({ min: 1, max: 9999 })
  .map((index) => `snapshots/${String(index).padStart(4, '0')}.json`);

const seed = fc.record({ 'meta-data': fc.string(), 'network-config': fc.string() });

const records = fc
  .tuple(
    fc.option(specJson),
    fc.dictionary(snapshotFile, fc.option(snapshotJson), { maxKeys: 3 }),
    fc.option(seed),
  )
  .map(([spec, snapshots, files]) => ({
    ...(spec === null ? {} : { 'spec.json': spec }),
    ...snapshots,
    ...(files === null ? {} : { 'cloud-init-config.iso': files }),
  }));

const PENDING = {
  operation: 'restore',
  arguments: { tag: '@s1' },
  records: { 'snapshots/0001.json': null },
};

function withStep(operation: string, given: unknown): unknown {
  return { operation, arguments: given, records: {} };
}

function withRewrite(): { operation: string; arguments: object } {
  return { operation: 'rewrite', arguments: {} };
}

function encodeAgain(place: JsonPlace): unknown {
  return encodePending(decodePending(place));
}

describe('pending.json', () => {
  it('says the same when it is read and written again', () => {
    fc.assert(
      fc.property(step, records, (one, all) => {
        const text = JSON.stringify({ ...one, records: all }, null, 2);
        expect(recordText(encodeAgain(JsonPlace.parse('f', text)))).toBe(`${text}\n`);
      }),
    );
  });

  it('notices a file that was cut off anywhere, and bears any bit that flips', () => {
    expectDamageNoticed(encodeAgain, PENDING);
    expectDamageNoticed(encodeAgain, withStep('rebase', { backing: 'base-c0ffee.qcow2' }));
    expectDamageNoticed(encodeAgain, withStep('resize', { size: 1024 }));
  });

  const HOSTILE_FILES = [
    '../other/spec.json',
    'snapshots/../spec.json',
    'snapshots/../../other/0001.json',
    'snapshots/0001.json/x',
    'snapshots/1.json',
    'snapshots/0001.json\n',
    'snapshots//0001.json',
    '/etc/passwd',
    'image-record.json',
    'disk.qcow2',
    '__proto__',
    '',
  ];

  it.for(HOSTILE_FILES)('refuses to write a record to %j', (file) => {
    const text = `{"operation":"restore","arguments":{"tag":"@s1"},"records":{${JSON.stringify(file)}:null}}`;
    const at = `/records/${file.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    expect(() => decodePending(JsonPlace.parse('pending.json', text))).toThrow(
      expect.objectContaining({ fault: { path: 'pending.json', at } }) as Error,
    );
  });

  const HOSTILE_SEEDS: readonly Wrong[] = [
    ['/records/cloud-init-config.iso', null],
    ['/records/cloud-init-config.iso', 'text'],
    ['/records/cloud-init-config.iso/meta-data', undefined],
    ['/records/cloud-init-config.iso/network-config', 1],
    ['/records/cloud-init-config.iso/user-data', 'runcmd: [ rm ]'],
    ['/records/cloud-init-config.iso/..', ''],
  ];

  it.for(HOSTILE_SEEDS)('refuses in the seed at %s the value %j', (hostile) => {
    const files = { 'meta-data': 'a', 'network-config': 'b' };
    const pending = { ...withRewrite(), records: { 'cloud-init-config.iso': files } };
    expectRefused(decodePending, pending, hostile);
  });

  const HOSTILE_TAGS = ['', '--help', '-d', '@s', '@s1 @s2', '@s1\n', '@s-1', 'name', 'Suspend', 1];

  it.for(HOSTILE_TAGS)('refuses the tag %j', (hostile) => {
    for (const operation of ['snapshot', 'restore', 'delete-snapshot']) {
      const wrong: Wrong = ['/arguments/tag', hostile];
      expectRefused(decodePending, withStep(operation, {}), wrong);
    }
  });

  const HOSTILE_BACKINGS = [
    '/etc/passwd',
    '../web/disk.qcow2',
    'disk.qcow2',
    'base-a/../../x.qcow2',
    'base-a.qcow2,x=y',
    'json:{}',
    'nbd://localhost',
    '',
    '-b',
    1,
  ];

  it.for(HOSTILE_BACKINGS)('refuses the backing file %j', (hostile) => {
    expectRefused(decodePending, withStep('rebase', {}), ['/arguments/backing', hostile]);
  });

  const WRONG: readonly Wrong[] = [
    ['/operation', 'format'],
    ['/operation', undefined],
    ['/operation', null],
    ['/arguments', null],
    ['/arguments', '@s1'],
    ['/records', undefined],
    ['/records', []],
  ];

  it.for(WRONG)('refuses at %s the value %j', (wrong) => {
    expectRefused(decodePending, PENDING, wrong);
  });

  it.for([0, -1, 1.5, '1G', null, 2 ** 60])('refuses the size %j', (size) => {
    expectRefused(decodePending, withStep('resize', {}), ['/arguments/size', size]);
  });

  it('names the place of what is wrong in a record in it', () => {
    const pending = { ...PENDING, records: { 'spec.json': {} } };
    expect(() => decodePending(JsonPlace.parse('pending.json', JSON.stringify(pending)))).toThrow(
      /at \/records\/spec\.json\//,
    );
  });
});
