import fc from 'fast-check';
import { expect } from 'vitest';
import { RecordError } from '../../../src/errors.js';
import { JsonPlace } from '../../../src/files/decoder.js';
import { recordText } from '../../../src/files/record.js';

/** Reads one kind of record. */
export type Decode = (place: JsonPlace) => unknown;

/** What is read and written again says the same, the keys of a later version included, at every depth. */
export function expectKeptWhole(decode: Decode, json: fc.Arbitrary<unknown>): void {
  fc.assert(
    fc.property(json, (value) => {
      const text = JSON.stringify(value, null, 2);
      expect(recordText(decode(JsonPlace.parse('f.json', text)))).toBe(`${text}\n`);
    }),
  );
}

/** A wrong value to put at a place of a record: where, and what. */
export type Wrong = readonly [at: string, value: unknown];

/** Each wrong value alone is refused with a RecordError that names the file and that very place. */
export function expectRefused(decode: Decode, good: unknown, [at, value]: Wrong): void {
  const text = JSON.stringify(changed(good, at.split('/').slice(1), value));
  expect(() => decode(JsonPlace.parse('instances/web/f.json', text))).toThrow(
    expect.objectContaining({
      name: 'RecordError',
      code: 'RECORD_INVALID',
      fault: { path: 'instances/web/f.json', at },
      message: expect.stringContaining(`cannot read "instances/web/f.json" at ${at}: `) as string,
      hint: expect.any(String) as string,
    }) as Error,
  );
}

function changed(value: unknown, [key, ...rest]: readonly string[], to: unknown): unknown {
  if (key === undefined) return to;
  if (Array.isArray(value)) {
    return value.map((item: unknown, index) =>
      String(index) === key ? changed(item, rest, to) : item,
    );
  }
  const object = value as Record<string, unknown>;
  return { ...object, [key]: changed(object[key], rest, to) };
}

/** Whatever bytes a file holds: a record that can be written again, or a RecordError about that file. */
export function expectRecordOrError(decode: Decode, bytes: Buffer): 'record' | 'error' {
  let record: unknown;
  try {
    record = decode(JsonPlace.parse('f.json', bytes.toString('utf8')));
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    expect(error.fault.path).toBe('f.json');
    return 'error';
  }
  const text = recordText(record);
  expect(recordText(decode(JsonPlace.parse('f.json', text)))).toBe(text);
  return 'record';
}

/** Cut off after each byte, a record is an error; with any bit flipped, an error or another record. */
export function expectDamageNoticed(decode: Decode, good: unknown): void {
  const bytes = Buffer.from(recordText(good));
  const end = bytes.lastIndexOf('}');
  for (let length = 0; length <= end; length += 1) {
    expect(expectRecordOrError(decode, bytes.subarray(0, length))).toBe('error');
  }
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    expectRecordOrError(decode, flipped);
  }
}
