const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/** Lists of images have ten levels, and fewer than a hundred thousand values; records have less. */
const DEEPEST = 64;
const MOST_VALUES = 2_000_000;

/**
 * Why a JSON text of a stranger is not parsed at all: a few bytes of it can take a hundred times that in memory. Looks
 * at each byte once; whether it is JSON at all is for the parser to say.
 * @returns undefined when there is no reason
 */
export function problemOfJson(text: Uint8Array | string, deepest = DEEPEST): string | undefined {
  const isString = typeof text === 'string';
  let depth = 0;
  let values = 0;
  let isText = false;
  for (let at = 0; at < text.length; at += 1) {
    const byte = isString ? text.charCodeAt(at) : (text[at] ?? 0);
    if (isText) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) isText = false;
    } else if (byte === QUOTE) isText = true;
    else if (OPENING.has(byte)) {
      depth += 1;
      values += 1;
    } else if (CLOSING.has(byte)) depth -= 1;
    else if (byte === COMMA) values += 1;
    if (depth > deepest) return `it is nested more than ${deepest} levels deep`;
    if (values > MOST_VALUES) return `it has more than ${MOST_VALUES} values`;
  }
  return undefined;
}
