import { isList, type PlainData } from './plain-data.js';

type Entries = [string, PlainData][];

const INDENT = '    ';

/**
 * JSON as Multipass prints it: four spaces an indent, empty arrays and objects over two lines, a line feed at the
 * end. Keys stay in the order they have.
 */
export function formatJson(value: PlainData): string {
  return `${render(value, '', (entries) => entries)}\n`;
}

/** As {@link formatJson}, with the keys of every object in alphabetical order, as in Multipass up to 1.16. */
export function formatSortedJson(value: PlainData): string {
  const byKey = (entries: Entries) => entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `${render(value, '', byKey)}\n`;
}

function render(value: PlainData, indent: string, order: (entries: Entries) => Entries): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const inner = indent + INDENT;
  if (isList(value)) {
    const items = value.map((item) => inner + render(item, inner, order));
    return block('[', items, `${indent}]`);
  }
  const members = order(Object.entries(value)).map(
    ([key, member]) => `${inner}${JSON.stringify(key)}: ${render(member, inner, order)}`,
  );
  return block('{', members, `${indent}}`);
}

function block(open: string, lines: readonly string[], close: string): string {
  return lines.length === 0 ? `${open}\n${close}` : `${open}\n${lines.join(',\n')}\n${close}`;
}
