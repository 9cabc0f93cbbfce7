/** What PyYAML refuses unescaped, or takes for the end of a line. */
export const UNPRINTABLE = /[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]/g;

/** A JSON string is a double-quoted one of YAML, but for what PyYAML wants escaped besides. */
export function quoted(text: string): string {
  return JSON.stringify(text).replace(UNPRINTABLE, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
