import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstFreeCloneNames, isValidName, requireDestinationName } from '../../src/vm/names.js';

describe('isValidName', () => {
  it.for(['a', 'Z', 'web', 'web-2', 'a--b', 'a1', 'A-1-b', 'x'.repeat(63), `x${'-'.repeat(61)}9`])(
    'accepts %j',
    (name) => {
      expect(isValidName(name)).toBe(true);
      expect(() => requireDestinationName(name)).not.toThrow();
    },
  );

  it.for([
    '',
    '1web',
    '-web',
    'web-',
    'web_2',
    'web.2',
    'web 2',
    'wéb',
    'web\n',
    'we\0b',
    '..',
    'a/b',
    'x'.repeat(64),
    'web🐳',
  ])('refuses %j', (name) => {
    expect(isValidName(name)).toBe(false);
    expect(() => requireDestinationName(name)).toThrow(
      expect.objectContaining({
        code: 'INVALID_NAME',
        message: `Invalid destination instance name: ${name}`,
        details: { name },
      }) as Error,
    );
  });

  it('accepts just what is one label of a hostname, letter first', () => {
    const nearlyValid = fc.string({
      unit: fc.constantFrom('a', 'z', 'A', 'Z', '0', '9', '-', '.', '_', ' ', '/', '\n'),
      maxLength: 70,
    });
    fc.assert(
      fc.property(fc.oneof(nearlyValid, fc.string({ unit: 'binary' })), (name) => {
        const first = name[0] ?? '0';
        const isLabel = !/[^a-zA-Z0-9-]/.test(name);
        const isWellPlaced = !/[0-9-]/.test(first) && name.at(-1) !== '-';
        expect(isValidName(name)).toBe(isLabel && isWellPlaced && name.length <= 63);
      }),
    );
  });
});

function firstOf(source: string, taken: ReadonlySet<string>): string {
  return firstFreeCloneNames(source, taken).next().value;
}

describe('firstFreeCloneNames', () => {
  it('takes the first number that is free, gaps too', () => {
    expect(firstOf('web', new Set())).toBe('web-clone1');
    expect(firstOf('web', new Set(['web-clone1', 'web-clone3']))).toBe('web-clone2');
    expect(firstOf('web', new Set(['web-clone01', 'db-clone1']))).toBe('web-clone1');
    expect(firstOf('web-clone1', new Set(['web-clone1']))).toBe('web-clone1-clone1');
  });

  it('gives a name that is not taken, with every lower number taken', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 30 })), (numbers) => {
        const taken = new Set(numbers.map((number) => `web-clone${number}`));
        const name = firstOf('web', taken);
        expect(taken.has(name)).toBe(false);
        const number = Number(/^web-clone(\d+)$/.exec(name)?.[1]);
        for (let lower = 1; lower < number; lower += 1) expect(numbers).toContain(lower);
      }),
    );
  });
});
