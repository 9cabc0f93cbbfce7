import { JsonPlace } from '../../../src/files/decoder.js';
import { recordText } from '../../../src/files/record.js';
import { decodeAliases } from '../../../src/vm/aliases/alias-record.js';
import { decodeVaultRecord } from '../../../src/vm/images/vault-record.js';
import { decodeImageRecord } from '../../../src/vm/records/image-record.js';
import { decodePending, encodePending } from '../../../src/vm/records/pending-record.js';
import { decodeSnapshotRecord } from '../../../src/vm/records/snapshot-record.js';
import { decodeSpec } from '../../../src/vm/records/spec.js';
import { reader, texts, type FuzzedReader } from '../reader.js';
import { ALIASES, IMAGE, MACHINE, SNAPSHOT, SPEC } from './record-samples.js';

/** A record that is right is written, and read again, as the same. */
function record<Value>(
  name: string,
  samples: readonly object[],
  decode: (place: JsonPlace) => Value,
  encode: (value: Value) => unknown = (value) => value,
): FuzzedReader {
  const read = (input: Buffer): Value => decode(JsonPlace.parse(name, input.toString('utf8')));
  return reader({
    name,
    grammar: 'json',
    samples: () => texts(...samples),
    read,
    problem: (value) => {
      const written = recordText(encode(value));
      const again = recordText(encode(read(Buffer.from(written))));
      return again === written ? undefined : 'it is another once it was written';
    },
  });
}

const LINEAGE = {
  ...{ sourceUuid: SPEC.uuid, sourceName: 'web', snapshot: null, strategy: 'copy' },
  created: '2026-11-30T10:00:00.000Z',
};

export const records = [
  record('spec', [SPEC, { ...SPEC, deleted: true, newer: { a: 1 } }], decodeSpec),
  record('image-record', [IMAGE, { ...IMAGE, lineage: LINEAGE }], decodeImageRecord),
  record(
    'vault-record',
    [
      {
        ...IMAGE,
        aliases: ['noble', 'lts'],
        remote: 'release',
        created: '2026-11-30T10:00:00.000Z',
      },
    ],
    decodeVaultRecord,
  ),
  record(
    'snapshot-record',
    [SNAPSHOT, { ...SNAPSHOT, consistency: 'frozen', machine: MACHINE }],
    decodeSnapshotRecord,
  ),
  record(
    'pending-record',
    [
      {
        operation: 'snapshot',
        arguments: { tag: '@s1' },
        records: { 'snapshots/0001.json': SNAPSHOT },
      },
      { operation: 'resize', arguments: { size: 1024 ** 3 }, records: { 'spec.json': SPEC } },
      { operation: 'restore', arguments: { tag: '@s1' }, records: { 'spec.json': SPEC } },
      {
        operation: 'delete-snapshot',
        arguments: { tag: '@s1' },
        records: { 'snapshots/0001.json': null },
      },
    ],
    decodePending,
    encodePending,
  ),
  record('aliases', [ALIASES], decodeAliases),
];
