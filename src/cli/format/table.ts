/** Stands for a value that is unknown or absent in every table. */
export const NO_VALUE = '--';

/** Spaces between the longest cell of a column and the next column. */
const GAP = 3;

/** A column of a table, as wide as its longest cell and a gap, unless it says otherwise. */
export interface Column {
  readonly header: string;
  /** Characters with the gap, whatever the cells are. */
  readonly width?: number;
  /** Characters with the gap, at least. */
  readonly minWidth?: number;
}

/**
 * Lays out a table as Multipass does: a header, then one line a row. The last cell of a row is never padded, so a
 * row may end early and leaves no blanks behind. Every cell is made {@link printable}.
 */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string {
  const header = columns.map((column) => column.header);
  const lines = [header, ...rows].map((row) => row.map(printable));
  const widths = columns.map((column, at) => {
    const longest = Math.max(...lines.map((line) => line[at]?.length ?? 0));
    return column.width ?? Math.max(column.minWidth ?? 0, longest + GAP);
  });
  const pad = (cell: string, at: number, row: readonly string[]) =>
    at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0);
  return lines.map((line) => `${line.map(pad).join('')}\n`).join('');
}

/**
 * The text with every control character replaced, so that nothing a guest, a record or a folder's name holds can
 * steer the terminal.
 */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '\u{FFFD}');
}
