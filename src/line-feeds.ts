/**
 * The same text with a line feed for each carriage return that stands alone. To YAML 1.1 and PyYAML that is an end of
 * line; the library here takes it for a character, and a comment would go on to the end.
 */
export function withLineFeeds(text: string): string {
  return text.replace(/\r(?!\n)/g, '\n');
}
