const REPLACEMENT = '\ufffd';
const REPLACEMENT_BYTES = Buffer.from(REPLACEMENT);

/**
 * The text of UTF-8, without the byte order mark, which cloud-init does not expect before `#cloud-config`.
 * @throws Error whose message names line and column of the first byte that is no UTF-8
 */
export function decodeText(data: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(data);
  } catch (cause) {
    const { line, column } = firstBadByte(data);
    throw new Error(`it is no UTF-8 text at line ${line}, column ${column}`, { cause });
  }
}

function firstBadByte(data: Buffer): { line: number; column: number } {
  const text = data.toString('utf8');
  let offset = 0;
  let from = 0;
  for (;;) {
    const at = text.indexOf(REPLACEMENT, from);
    if (at === -1) return placeAt(text);
    offset += Buffer.byteLength(text.slice(from, at));
    // The text may have that character itself.
    const isItself = data.subarray(offset, offset + 3).equals(REPLACEMENT_BYTES);
    if (!isItself) return placeAt(text.slice(0, at));
    offset += REPLACEMENT_BYTES.length;
    from = at + 1;
  }
}

/** The place behind a text. */
function placeAt(before: string): { line: number; column: number } {
  const lines = before.replace(/^\ufeff/, '').split(/\r\n?|\n/);
  return { line: lines.length, column: Array.from(lines.at(-1) ?? '').length + 1 };
}
