import { describe, expect, it } from 'vitest';
import { problemOfJson } from '../../src/files/json-limits.js';

const problemOf = (text: string): string | undefined => problemOfJson(Buffer.from(text));

describe('problemOfJson', () => {
  it.each([
    ['[', 'nested'],
    ['{"a":', 'nested'],
    ['[{"a":[', 'nested'],
    ['[],', 'values'],
    ['"a":1,', 'values'],
    ['1,', 'values'],
  ])('stops at a million times %s', (piece, problem) => {
    expect(problemOf(`[${piece.repeat(2_500_000)}`)).toContain(problem);
  });

  it('finds nothing wrong with what is in texts', () => {
    expect(problemOf(JSON.stringify({ a: '['.repeat(100), 'b\\"[': '\\"[[{{' }))).toBeUndefined();
    expect(problemOf(`${'['.repeat(64)}${']'.repeat(64)}`)).toBeUndefined();
    expect(problemOf('"'.repeat(4) + '['.repeat(65))).toContain('nested');
  });
});
