import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesOf, formatMemorySize, parseMemorySize } from '../src/memory-size.js';

const UNITS = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 } as const;

describe('parseMemorySize', () => {
  it.each([
    ['0', 0],
    ['1234', 1234],
    ['1234B', 1234],
    ['42MiB', 42 * 2 ** 20],
    ['42mb', 42 * 2 ** 20],
    ['42m', 42 * 2 ** 20],
    ['0.5G', 2 ** 29],
    [' 1K ', 1024],
    ['0.1G', 107374182],
    ['1.9999K', 2047],
    ['0.000000000931322574615478515625G', 1],
    ['0.000000000931322574615478515624G', 0],
    ['4294967296', 2 ** 32],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('reads %j as %d bytes', (text, bytes) => {
    expect(parseMemorySize(text)).toBe(bytes);
  });

  it.each(['', ' ', 'G', '.5G', '1.', '1.G', '1.5', '1.5B', '1 G', '-1', '+1', '1T', '1Gi', '1iB'])(
    'refuses %j',
    (text) => {
      expect(parseMemorySize(text)).toBeNull();
    },
  );

  it('refuses what a double does not hold exactly', () => {
    expect(parseMemorySize('9007199254740993')).toBeNull();
    expect(parseMemorySize('8388608G')).toBeNull();
    expect(parseMemorySize('9'.repeat(5000))).toBeNull();
  });

  it('multiplies by the unit in every spelling of it', () => {
    const suffix = fc.constantFrom('', 'B', 'iB', 'b', 'Ib');
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom('K', 'M', 'G'), suffix, (number, unit, rest) => {
        fc.pre(number * UNITS[unit] <= Number.MAX_SAFE_INTEGER);
        expect(parseMemorySize(`${number}${unit}${rest}`)).toBe(number * UNITS[unit]);
      }),
    );
  });

  it('cuts a fraction to the whole bytes exactly, however many decimals it has', () => {
    const decimals = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(decimals, fc.constantFrom('K', 'M', 'G'), (digits, unit) => {
        const text = digits.join('');
        const exact = (BigInt(text) * BigInt(UNITS[unit])) / 10n ** BigInt(text.length);
        expect(parseMemorySize(`0.${text}${unit}`)).toBe(Number(exact));
      }),
    );
  });
});

describe('bytesOf', () => {
  it.each([
    [0, 0],
    [1234, 1234],
    ['1.5G', 1.5 * 2 ** 30],
    ['1234', 1234],
  ])('takes %j as %d bytes', (size, bytes) => {
    expect(bytesOf(size, 'memory')).toBe(bytes);
  });

  it.each([NaN, Infinity, -1, 1.5, 2 ** 53, '', '1.5', '1T', 'lots', null as never, {} as never])(
    'refuses %j, and says what it is the size of',
    (size) => {
      expect(() => bytesOf(size, 'memory')).toThrow(
        expect.objectContaining({
          code: 'INVALID_ARGUMENT',
          message: expect.stringMatching(/^memory: .* is not a valid memory size/) as string,
          details: { what: 'memory', size: String(size) },
        }),
      );
    },
  );
});

describe('formatMemorySize', () => {
  it.each([
    [0, '0B'],
    [1023, '1023B'],
    [1024, '1.0KiB'],
    [2 ** 20, '1.0MiB'],
    [60817408, '58.0MiB'],
    [1503238554, '1.4GiB'],
    [5 * 2 ** 30, '5.0GiB'],
    [2048 * 2 ** 30, '2048.0GiB'],
  ])('prints %d bytes as %s', (bytes, text) => {
    expect(formatMemorySize(bytes)).toBe(text);
  });

  it('prints what can be read again, to within half of its last decimal', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 45 }), (bytes) => {
        const read = parseMemorySize(formatMemorySize(bytes)) ?? NaN;
        expect(Math.abs(read - bytes)).toBeLessThanOrEqual(bytes * 0.05 + 1);
      }),
    );
  });
});
