import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { guess } from '../src/nearest.js';

const COMMANDS = [
  'list',
  'launch',
  'ls',
  'start',
  'stop',
  'restart',
  'sh',
  'suspend',
  'set',
  'get',
];

describe('guess', () => {
  it.each([
    ['lsit', 'list'],
    ['lit', 'list'],
    ['lisst', 'list'],
    ['LIST', 'list'],
    ['luanch', 'launch'],
    ['strat', 'start'],
    ['statr', 'start'],
    ['restrat', 'restart'],
    ['suspnd', 'suspend'],
    ['sett', 'set'],
  ])('takes %s for %s', (word, meant) => {
    expect(guess(word, COMMANDS)).toBe(`Did you mean "${meant}"?`);
  });

  it.each(['', 'x', 'frobnicate', 'list', 'web', '👍'])('has none for "%s"', (word) => {
    expect(guess(word, COMMANDS)).toBeUndefined();
    expect(guess(word, COMMANDS, 'See the list.')).toBe('See the list.');
  });

  it('finds a word that has one letter too few, too many, or another one', () => {
    const word = fc.string({ minLength: 4, maxLength: 20 });
    const slip = fc.tuple(word, fc.nat(), fc.constantFrom('drop', 'add', 'change', 'swap'));
    fc.assert(
      fc.property(slip, ([meant, place, kind]) => {
        const at = place % (meant.length - 1);
        const [head, a = '', b = '', tail] = [
          meant.slice(0, at),
          meant[at],
          meant[at + 1],
          meant.slice(at + 2),
        ];
        const middle = { drop: b, add: `${a}\0${b}`, change: `\0${b}`, swap: b + a }[kind];
        const typed = head + middle + tail;
        if (typed !== meant)
          expect(guess(typed, [meant], 'Look.')).toBe(`Did you mean "${meant}"? Look.`);
      }),
    );
  });
});
