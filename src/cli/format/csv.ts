/** A field that stands in quotes even when it need not. */
export interface QuotedField {
  readonly quoted: string;
}

/** A field of a CSV line; a string gets quotes only when it needs them. */
export type CsvField = string | QuotedField;

/** One line a row (RFC 4180, but ended by a line feed as in Multipass), the header first. */
export function formatCsv(
  header: readonly string[],
  rows: readonly (readonly CsvField[])[],
): string {
  return [header, ...rows].map((row) => `${row.map(formatField).join(',')}\n`).join('');
}

function formatField(field: CsvField): string {
  if (typeof field !== 'string') return quote(field.quoted);
  return /[",\r\n]/.test(field) ? quote(field) : field;
}

function quote(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}
