import { isList, type PlainData } from './plain-data.js';

/** Text that no reader of YAML 1.1 or 1.2 takes for anything but a string, if it is not {@link SPECIAL}. */
const PLAIN = /^[A-Za-z0-9/](?:[A-Za-z0-9 ._/+-]*[A-Za-z0-9._/+-])?$/;
/** Words, numbers and dates that PLAIN lets through. */
const SPECIAL =
  /^(?:y|yes|n|no|true|false|on|off|null|0[xob].*|\d[\d_]*(?:\.[\d_]*)?(?:e[+-]?\d*)?|\d{4}-\d.*)$/i;
/** What JSON allows in a string and YAML does not, or takes for a line break. */
const UNPRINTABLE = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

/**
 * A YAML document in block style as Multipass prints it: `~` for null, an empty list as `[]` on a line of its own.
 * Strings are quoted only when YAML 1.1 or 1.2 would read them as something else. Written by hand, because loading
 * a YAML library would cost more than all the rest of `list`.
 */
export function formatYaml(value: PlainData): string {
  return `${toLines(value).join('\n')}\n`;
}

function toLines(value: PlainData): string[] {
  if (value === null || typeof value !== 'object') return [scalar(value)];
  if (isList(value)) return value.length === 0 ? ['[]'] : value.flatMap(itemLines);
  const entries = Object.entries(value);
  return entries.length === 0 ? ['{}'] : entries.flatMap(entryLines);
}

function itemLines(item: PlainData): string[] {
  return toLines(item).map((line, at) => (at === 0 ? `- ${line}` : `  ${line}`));
}

function entryLines([key, value]: [string, PlainData]): string[] {
  if (value === null || typeof value !== 'object') return [`${scalar(key)}: ${scalar(value)}`];
  return [`${scalar(key)}:`, ...toLines(value).map((line) => `  ${line}`)];
}

function scalar(value: string | number | boolean | null): string {
  if (value === null) return '~';
  if (typeof value !== 'string') return String(value);
  return PLAIN.test(value) && !SPECIAL.test(value) ? value : quoted(value);
}

/** A JSON string is a YAML string, apart from the characters of UNPRINTABLE. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(
    UNPRINTABLE,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
