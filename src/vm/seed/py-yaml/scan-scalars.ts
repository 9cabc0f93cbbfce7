import { BLANKS, BREAKS, END, refused, shown, type Cursor } from './cursor.js';
import type { Token } from './token.js';

const ESCAPES: Readonly<Record<string, string>> = {
  ...{ '0': '\0', a: '\x07', b: '\b', t: '\t', '\t': '\t', n: '\n', v: '\v', f: '\f', r: '\r' },
  ...{ e: '\x1b', ' ': ' ', '"': '"', '\\': '\\', '/': '/', N: '\x85', _: '\xa0' },
  ...{ L: '\u2028', P: '\u2029' },
};

/** Digits behind `\x`, `\u` and `\U`. */
const DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

/** Reads a scalar in quotes. @throws Error naming the place */
export function scanQuoted(cursor: Cursor, quote: '"' | "'"): Token {
  const { mark } = cursor;
  cursor.take();
  let text = '';
  for (;;) {
    text += scanQuotedWord(cursor, quote);
    if (cursor.peek() === quote) break;
    text += scanQuotedSpaces(cursor, quote);
  }
  cursor.take();
  return { kind: 'scalar', mark, text, isPlain: false };
}

function scanQuotedWord(cursor: Cursor, quote: string): string {
  let text = '';
  for (;;) {
    text += cursor.takeWhile((character) => !`'"\\${BLANKS}`.includes(character));
    const next = cursor.peek();
    if (quote === "'" && cursor.startsWith("''")) text += cursor.take(2).slice(1);
    else if (next === '\\' && quote === '"') text += scanEscape(cursor);
    else if (next !== quote && `'"\\`.includes(next)) text += cursor.take();
    else return text;
  }
}

function scanEscape(cursor: Cursor): string {
  const { mark } = cursor;
  cursor.take();
  const letter = cursor.peek();
  const known = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined;
  if (known !== undefined) {
    cursor.take();
    return known;
  }
  const length = Object.hasOwn(DIGITS, letter) ? DIGITS[letter] : undefined;
  if (length !== undefined) return scanCode(cursor, length);
  if (cursor.takeBreak() === '') throw refused(`"\\" cannot stand before ${shown(letter)}`, mark);
  return scanQuotedBreaks(cursor);
}

function scanCode(cursor: Cursor, length: number): string {
  const { mark } = cursor;
  const letter = cursor.take();
  const digits = cursor.takeWhile((character) => /^[0-9A-Fa-f]$/.test(character));
  // More may follow that is text.
  const code = Number.parseInt(digits.slice(0, length), 16);
  if (digits.length < length || code > 0x10ffff) {
    throw refused(`"\\${letter}" wants the ${length} digits of a character`, mark);
  }
  return String.fromCodePoint(code) + digits.slice(length);
}

function scanQuotedSpaces(cursor: Cursor, quote: string): string {
  const { mark } = cursor;
  const spaces = cursor.takeWhile((character) => ' \t'.includes(character));
  if (cursor.peek() === END) throw refused(`a text in ${quote} does not end`, mark);
  const first = cursor.takeBreak();
  return first === '' ? spaces : folded(first, scanQuotedBreaks(cursor));
}

function scanQuotedBreaks(cursor: Cursor): string {
  let breaks = '';
  for (;;) {
    if (cursor.isDocumentMark('---') || cursor.isDocumentMark('...')) {
      throw refused('a text in quotes does not end before the document does', cursor.mark);
    }
    cursor.takeWhile((character) => ' \t'.includes(character));
    const next = cursor.takeBreak();
    if (next === '') return breaks;
    breaks += next;
  }
}

/** What ends of line come to in a text that is folded: one alone is a space. */
function folded(first: string, others: string): string {
  if (first !== '\n') return first + others;
  return others === '' ? ' ' : others;
}

/** How a plain scalar was read: what follows it decides whether a key may come next. */
export interface PlainScalar {
  readonly token: Token;
  readonly endsLine: boolean;
}

/** Reads a scalar without quotes. @param indent columns that its further lines must have at least */
export function scanPlain(
  cursor: Cursor,
  { indent, isFlow }: { readonly indent: number; readonly isFlow: boolean },
): PlainScalar {
  const { mark } = cursor;
  let text = '';
  let spaces = '';
  let endsLine = false;
  while (cursor.peek() !== '#') {
    const length = plainLength(cursor, isFlow);
    if (length === 0) break;
    text += spaces + cursor.take(length);
    const behind = scanPlainSpaces(cursor);
    endsLine = behind.endsLine;
    spaces = behind.spaces;
    if (spaces === '' || (!isFlow && cursor.column < indent)) break;
  }
  return { token: { kind: 'scalar', mark, text, isPlain: true }, endsLine };
}

function plainLength(cursor: Cursor, isFlow: boolean): number {
  for (let length = 0; ; length += 1) {
    if (cursor.isAt(BLANKS, length)) return length;
    if (cursor.peek(length) === ':' && cursor.isAt(BLANKS + (isFlow ? ',[]{}' : ''), length + 1)) {
      return length;
    }
    if (isFlow && cursor.isAt(',?[]{}', length)) return length;
  }
}

function scanPlainSpaces(cursor: Cursor): { spaces: string; endsLine: boolean } {
  const isMark = (): boolean => cursor.isDocumentMark('---') || cursor.isDocumentMark('...');
  const spaces = cursor.takeWhile((character) => character === ' ');
  const first = cursor.takeBreak();
  if (first === '') return { spaces, endsLine: false };
  if (isMark()) return { spaces: '', endsLine: true };
  let breaks = '';
  for (;;) {
    cursor.takeWhile((character) => character === ' ');
    const next = cursor.takeBreak();
    if (next === '') return { spaces: folded(first, breaks), endsLine: true };
    breaks += next;
    if (isMark()) return { spaces: '', endsLine: true };
  }
}

/**
 * Reads a scalar after `|` or `>`.
 * @param parent columns of the block that it is in; -1 for none
 * @throws Error naming the place
 */
export function scanBlock(cursor: Cursor, parent: number): Token {
  const { mark } = cursor;
  const isFolded = cursor.take() === '>';
  const { chomping, increment } = scanIndicators(cursor);
  const least = Math.max(1, parent + 1);
  const found = increment === null ? scanIndentation(cursor) : { breaks: [], deepest: 0 };
  const indent = increment === null ? Math.max(least, found.deepest) : least + increment - 1;
  let breaks = increment === null ? found.breaks : scanBlockBreaks(cursor, indent);
  let text = '';
  let lineEnd = '';
  while (cursor.column === indent && cursor.peek() !== END) {
    text += breaks.join('');
    const startsPlain = !cursor.isAt(' \t');
    text += cursor.takeWhile((character) => !BREAKS.includes(character));
    lineEnd = cursor.takeBreak();
    breaks = scanBlockBreaks(cursor, indent);
    if (cursor.column !== indent || cursor.peek() === END) break;
    const folds = isFolded && lineEnd === '\n' && startsPlain && !cursor.isAt(' \t');
    if (!folds) text += lineEnd;
    else if (breaks.length === 0) text += ' ';
  }
  if (chomping !== '-') text += lineEnd;
  if (chomping === '+') text += breaks.join('');
  return { kind: 'scalar', mark, text, isPlain: false };
}

function scanIndicators(cursor: Cursor): { chomping: string; increment: number | null } {
  const sign = (): string => (cursor.isAt('+-') ? cursor.take() : '');
  const before = sign();
  const digit = /^[0-9]$/.test(cursor.peek()) ? cursor.take() : '';
  const chomping = before === '' && digit !== '' ? sign() : before;
  if (digit === '0') throw refused('a block is indented by 1 to 9', cursor.mark);
  const { mark } = cursor;
  if (!cursor.isAt(`${END} ${BREAKS}`)) {
    throw refused(`${shown(cursor.peek())} cannot stand behind "|" or ">"`, mark);
  }
  cursor.skipComment();
  if (!cursor.isAt(END + BREAKS)) {
    throw refused(`${shown(cursor.peek())} cannot stand behind "|" or ">"`, cursor.mark);
  }
  cursor.takeBreak();
  return { chomping, increment: digit === '' ? null : Number(digit) };
}

function scanIndentation(cursor: Cursor): { breaks: string[]; deepest: number } {
  const breaks: string[] = [];
  let deepest = 0;
  for (;;) {
    cursor.takeWhile((character) => character === ' ');
    deepest = Math.max(deepest, cursor.column);
    const next = cursor.takeBreak();
    if (next === '') return { breaks, deepest };
    breaks.push(next);
  }
}

function scanBlockBreaks(cursor: Cursor, indent: number): string[] {
  const breaks: string[] = [];
  for (;;) {
    while (cursor.column < indent && cursor.peek() === ' ') cursor.take();
    const next = cursor.takeBreak();
    if (next === '') return breaks;
    breaks.push(next);
  }
}
