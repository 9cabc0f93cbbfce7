import { describe, expect, it } from 'vitest';
import { formatCsv } from '../../../src/cli/format/csv.js';

describe('formatCsv', () => {
  it('writes the header and one line a row', () => {
    expect(
      formatCsv(
        ['A', 'B'],
        [
          ['1', ''],
          ['x y', 'z'],
        ],
      ),
    ).toBe('A,B\n1,\nx y,z\n');
  });

  it('quotes a field only when it needs quotes, and doubles the quotes within', () => {
    expect(formatCsv(['A', 'B', 'C'], [['1,2', 'say "hi"', 'two\nlines']])).toBe(
      'A,B,C\n"1,2","say ""hi""","two\nlines"\n',
    );
  });

  it('quotes a field that asks for it', () => {
    expect(formatCsv(['A', 'B'], [[{ quoted: '' }, { quoted: 'a "b"' }]])).toBe(
      'A,B\n"","a ""b"""\n',
    );
  });
});
