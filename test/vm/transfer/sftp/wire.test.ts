import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAttributes, encodeAttributes } from '../../../../src/vm/transfer/sftp/attributes.js';
import {
  SftpProtocolError,
  string,
  uint32,
  uint64,
  WireReader,
} from '../../../../src/vm/transfer/sftp/wire.js';

const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
const number = fc.nat({ max: 0xffff_ffff });
const size = fc.maxSafeNat();

/** Everything that a message is made of, in one. */
const message = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('string' as const), value: bytes }),
    fc.record({ kind: fc.constant('uint32' as const), value: number }),
    fc.record({ kind: fc.constant('uint64' as const), value: size }),
  ),
  { maxLength: 10 },
);
type Field = (typeof message extends fc.Arbitrary<infer Fields> ? Fields : never)[number];

function encode({ kind, value }: Field): Buffer {
  if (kind === 'string') return Buffer.concat(string(value));
  return kind === 'uint32' ? uint32(value) : uint64(value);
}

describe('what is put into a message', () => {
  it('comes out of it as it was', () => {
    fc.assert(
      fc.property(message, (fields) => {
        const reader = new WireReader(Buffer.concat(fields.map(encode)));
        for (const { kind, value } of fields) expect(reader[kind]()).toEqual(value);
        expect(reader.left).toBe(0);
      }),
    );
  });

  it('is refused when any byte of its end is missing', () => {
    fc.assert(
      fc.property(message, fc.nat({ max: 40 }), (fields, cut) => {
        const whole = Buffer.concat(fields.map(encode));
        fc.pre(cut > 0 && cut <= whole.length);
        const reader = new WireReader(whole.subarray(0, whole.length - cut));
        expect(() => {
          for (const { kind } of fields) reader[kind]();
        }).toThrow(SftpProtocolError);
      }),
    );
  });

  it('is refused when it is a number that cannot be counted with', () => {
    const reader = new WireReader(Buffer.alloc(8, 0xff));
    expect(() => reader.uint64()).toThrow('is too big');
  });
});

describe('attributes', () => {
  const attributes = fc.record({
    size: fc.option(size, { nil: undefined }),
    mode: fc.option(number, { nil: undefined }),
  });

  it('come out of a message as they were', () => {
    fc.assert(
      fc.property(attributes, (given) => {
        expect(decodeAttributes(new WireReader(encodeAttributes(given)))).toEqual(given);
      }),
    );
  });

  it('of other servers are read past, to their very end', () => {
    const pairs = fc.array(fc.tuple(bytes, bytes), { maxLength: 4 });
    fc.assert(
      fc.property(size, number, number, pairs, (bytesOfFile, mode, other, extensions) => {
        const reader = new WireReader(
          Buffer.concat([
            uint32(0x8000_000f),
            uint64(bytesOfFile),
            ...[other, other, mode, other, other, extensions.length].map(uint32),
            ...extensions.flat().flatMap(string),
            uint32(other),
          ]),
        );
        expect(decodeAttributes(reader)).toEqual({ size: bytesOfFile, mode });
        expect(reader.uint32()).toBe(other);
      }),
    );
  });

  it('that are any bytes at all are read, or refused as no message', () => {
    fc.assert(
      fc.property(bytes, (any) => {
        try {
          decodeAttributes(new WireReader(any));
        } catch (error) {
          expect(error).toBeInstanceOf(SftpProtocolError);
        }
      }),
    );
  });
});
