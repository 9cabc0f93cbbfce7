/*
 * What steers a terminal, or shows a line in another order than it is in: control characters of both sets (ESC and its
 * one-byte kin from U+0080 on among them), marks, embeddings and isolates of the bidirectional algorithm, separators
 * that some take for the end of a line, and the invisible tags.
 */
const STEERING =
  // eslint-disable-next-line no-control-regex -- they are what is looked for
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\u{e0000}-\u{e007f}]/gu;

/**
 * A text as a terminal may have it: whatever a guest, a record, an image server or a folder's name put into it, it
 * steers nothing. Each such character is replaced; the ends of lines and tabs stay. What goes to a file or a pipe is
 * left alone.
 */
export function forTerminal(text: string): string {
  return text.replace(STEERING, '\u{FFFD}');
}
