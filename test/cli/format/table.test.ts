import { describe, expect, it } from 'vitest';
import { formatTable } from '../../../src/cli/format/table.js';

describe('formatTable', () => {
  it('makes a column three characters wider than its longest cell or its header', () => {
    const table = formatTable(
      [{ header: 'Name' }, { header: 'Type' }, { header: 'Description' }],
      [
        ['br-lan', 'x', 'A bridge'],
        ['eth0', 'y', 'A card'],
      ],
    );
    expect(table).toBe(
      [
        'Name     Type   Description',
        'br-lan   x      A bridge',
        'eth0     y      A card',
        '',
      ].join('\n'),
    );
  });

  it('keeps a fixed and a least width', () => {
    const columns = [{ header: 'A', minWidth: 6 }, { header: 'B', width: 4 }, { header: 'C' }];
    expect(formatTable(columns, [['1', '2', '3']])).toBe('A     B   C\n1     2   3\n');
    expect(formatTable(columns, [['12345', 'abc', '3']])).toBe('A       B   C\n12345   abc 3\n');
  });

  it('pads no last cell, even of a row that ends early', () => {
    expect(formatTable([{ header: 'A' }, { header: 'B' }], [['1'], ['', '2']])).toBe(
      'A   B\n1\n    2\n',
    );
  });

  it('lets no cell steer the terminal or begin a line', () => {
    expect(formatTable([{ header: 'A' }], [['\u001b[31mred\r\n\u009b1m']])).toBe(
      'A\n\uFFFD[31mred\uFFFD\uFFFD\uFFFD1m\n',
    );
  });
});
