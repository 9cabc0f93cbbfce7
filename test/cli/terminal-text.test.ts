import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { forTerminal } from '../../src/cli/terminal-text.js';

describe('a text for a terminal', () => {
  it.each([
    ['\u001B[31mred', '\u{FFFD}[31mred'],
    ['\u009B2J', '\u{FFFD}2J'],
    ['\u0085next', '\u{FFFD}next'],
    ['a\rb', 'a\u{FFFD}b'],
    ['\u202Egpj.exe', '\u{FFFD}gpj.exe'],
    ['\u2067x\u2069', '\u{FFFD}x\u{FFFD}'],
    ['line\u2028line', 'line\u{FFFD}line'],
    ['tag\u{E0041}', 'tag\u{FFFD}'],
    ['\u0000\u0007\u007F', '\u{FFFD}\u{FFFD}\u{FFFD}'],
  ])('has nothing that steers: %j', (text, expected) => {
    expect(forTerminal(text)).toBe(expected);
  });

  it.each(['', 'a\n\tb\n', 'Ubuntu 24.04 “Noble”', 'grüße, 日本語, עברית', '👩‍💻', '–…'])(
    'is what it was: %j',
    (text) => {
      expect(forTerminal(text)).toBe(text);
    },
  );

  it('is as long as before, so that columns stay columns', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(Array.from(forTerminal(text))).toHaveLength(Array.from(text).length);
      }),
    );
  });
});
