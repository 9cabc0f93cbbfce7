/** One word of bash or zsh, in single quotes unless it is harmless bare. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./=-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
