import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDocument, tableRows } from './documents.js';

/** The codes of `ErrorCode`, as the source lists them. */
function declaredCodes(): string[] {
  const [, union = ''] =
    /^export type ErrorCode =(.*?);$/ms.exec(readDocument('src/errors.ts')) ?? [];
  return [...union.matchAll(/'([A-Z_]+)'/g)].map(([, code]) => code!);
}

/** The codes that some line of src makes an error with. */
function thrownCodes(): Set<string> {
  const files = readdirSync(join(import.meta.dirname, '../../src'), {
    recursive: true,
  }) as string[];
  const source = files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readDocument(join('src', file)));
  const made = source.join('\n').matchAll(/(?:new MultipassError|\bsuper)\(\s*'([A-Z_]+)'/g);
  return new Set([...made].map(([, code]) => code!));
}

describe('the table of errors', () => {
  const rows = tableRows(readDocument('docs/errors.md'));
  const codes = rows.map(([code = '']) => code.replaceAll('`', ''));

  it('has one row for each code, in the order of the source, and no other', () => {
    expect(declaredCodes().length).toBeGreaterThan(50);
    expect(codes).toEqual(declaredCodes());
  });

  it('says of each what it means, where it comes from, and what to do', () => {
    for (const row of rows) {
      expect(row, row[0]).toHaveLength(4);
      for (const cell of row) expect(cell, row[0]).not.toBe('');
    }
  });

  it('names only codes that src makes an error with', () => {
    const thrown = thrownCodes();
    expect(codes.filter((code) => !thrown.has(code))).toEqual([]);
  });
});
