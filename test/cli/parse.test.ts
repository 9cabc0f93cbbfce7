import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  idMapParser,
  parseCount,
  parseCpus,
  parseImageFormat,
  parseMinutes,
  parseMountPlace,
  parsePlace,
  parseTimeout,
  parseSize,
} from '../../src/cli/parse.js';

describe('a positive number', () => {
  it.for([
    ['1', 1],
    ['+3', 3],
    [' 3 ', 3],
    ['007', 7],
    ['999999', 999_999],
  ] as const)('is "%s"', ([text, number]) => {
    expect(parseCpus(text)).toBe(number);
    expect(parseCount(text)).toBe(number);
    expect(parseTimeout(text)).toBe(number * 1000);
  });

  it.for(['', ' ', '0', '-1', '1.5', '1e3', '0x10', '++1', '+ 1', '1000000', 'one', '1\u0000'])(
    'is not "%s"',
    (text) => {
      for (const parse of [parseCpus, parseCount, parseTimeout]) {
        expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'USAGE' }));
      }
    },
  );
});

describe('minutes from now', () => {
  it.for([
    ['0', 0],
    ['5', 5],
    ['+5', 5],
  ] as const)('are "%s"', ([text, minutes]) => {
    expect(parseMinutes(text)).toBe(minutes);
  });

  it.for(['', ' 5', '5m', '-5', '1.5'])('are not "%s"', (text) => {
    expect(() => parseMinutes(text)).toThrow('Time must be in digit form');
  });
});

describe('a size', () => {
  it('is read in bytes', () => {
    expect(parseSize('0.5G')).toBe(2 ** 29);
    expect(parseSize(' 42MiB ')).toBe(42 * 2 ** 20);
  });

  it('is refused in the words of Multipass', () => {
    const message = expect.stringContaining('error: 1T is not a valid memory size - ') as string;
    expect(() => parseSize('1T')).toThrow(expect.objectContaining({ code: 'USAGE', message }));
  });
});

describe('an id map', () => {
  it('is two numbers', () => {
    expect(idMapParser('UID')('1000:0')).toEqual({ host: 1000, guest: 0 });
  });

  it.for(['', '1', '1:', ':1', '1:2:3', '-1:2', '1:default', ' 1:2', '12345678901:1'])(
    'is not "%s"',
    (text) => {
      expect(() => idMapParser('GID')(text)).toThrow(`Invalid GID map given: ${text}`);
    },
  );
});

describe('a place', () => {
  it.for([
    ['web', 'web', undefined],
    ['web:', 'web', ''],
    ['web:/data', 'web', '/data'],
    ['web:a:b', 'web', 'a:b'],
    [':x', '', 'x'],
  ] as const)('ends at the first colon in "%s"', ([text, of, path]) => {
    expect(parsePlace(text)).toEqual({ of, path });
    expect(parseMountPlace(text)).toEqual({ source: resolve(of), target: path });
  });
});

describe('parseImageFormat', () => {
  it('takes raw, and nothing that the content tells', () => {
    expect(parseImageFormat('raw')).toBe('raw');
    for (const text of ['qcow2', 'RAW', '']) {
      expect(() => parseImageFormat(text), text).toThrow(`Invalid image format '${text}'`);
    }
  });
});
