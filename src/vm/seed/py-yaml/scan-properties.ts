import { BREAKS, END, refused, shown, type Cursor, type Mark } from './cursor.js';
import type { Token } from './token.js';

const WORD = /^[0-9A-Za-z_-]$/;
const URI = /^[0-9A-Za-z\-;/?:@&=+$,_.!~*'()[\]%]$/;
const HEX = /^[0-9A-Fa-f]$/;
const AFTER_WORD = `${END} ${BREAKS}`;
const AFTER_NAME = `${AFTER_WORD}\t?:,]}%@\``;

/** Reads `&name` or `*name`. @throws Error naming the place */
export function scanName(cursor: Cursor, kind: 'alias' | 'anchor'): Token {
  const { mark } = cursor;
  cursor.take();
  const text = cursor.takeWhile((character) => WORD.test(character));
  if (text === '' || !cursor.isAt(AFTER_NAME)) {
    throw refused(`the name of an ${kind} cannot have ${shown(cursor.peek())}`, cursor.mark);
  }
  return { kind, mark, text };
}

/** Reads `!`, `!name`, `!!name`, `!handle!name` or `!<uri>`. @throws Error naming the place */
export function scanTag(cursor: Cursor): Token {
  const { mark } = cursor;
  const tag = readTag(cursor);
  if (!cursor.isAt(AFTER_WORD)) {
    throw refused(`a tag cannot have ${shown(cursor.peek())}`, cursor.mark);
  }
  return { kind: 'tag', mark, tag };
}

function readTag(cursor: Cursor): NonNullable<Token['tag']> {
  if (cursor.peek(1) === '<') {
    cursor.take(2);
    const suffix = scanUri(cursor);
    if (cursor.peek() !== '>') throw refused('a tag has no ">"', cursor.mark);
    cursor.take();
    return { handle: null, suffix };
  }
  if (cursor.isAt(`\t${AFTER_WORD}`, 1)) {
    cursor.take();
    return { handle: null, suffix: '!' };
  }
  let length = 1;
  while (!cursor.isAt(AFTER_WORD, length) && cursor.peek(length) !== '!') length += 1;
  if (cursor.peek(length) === '!') {
    const handle = scanHandle(cursor);
    return { handle, suffix: scanUri(cursor) };
  }
  cursor.take();
  return { handle: '!', suffix: scanUri(cursor) };
}

function scanHandle(cursor: Cursor): string {
  if (cursor.peek() !== '!') throw refused('a tag begins with "!"', cursor.mark);
  if (cursor.peek(1) === ' ') return cursor.take();
  let length = 1;
  while (WORD.test(cursor.peek(length))) length += 1;
  if (cursor.peek(length) !== '!') throw refused('the handle of a tag ends with "!"', cursor.mark);
  return cursor.take(length + 1);
}

function scanUri(cursor: Cursor): string {
  let text = '';
  for (let next = cursor.peek(); URI.test(next); next = cursor.peek()) {
    text += next === '%' ? scanEscapes(cursor) : cursor.take();
  }
  if (text === '') throw refused(`a tag cannot have ${shown(cursor.peek())}`, cursor.mark);
  return text;
}

function scanEscapes(cursor: Cursor): string {
  const { mark } = cursor;
  const bytes: number[] = [];
  while (cursor.peek() === '%') {
    cursor.take();
    if (!HEX.test(cursor.peek()) || !HEX.test(cursor.peek(1))) {
      throw refused('"%" in a tag wants two hexadecimal digits', cursor.mark);
    }
    bytes.push(Number.parseInt(cursor.take(2), 16));
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(bytes));
  } catch {
    throw refused('the escaped bytes of a tag are no UTF-8', mark);
  }
}

/** Reads a line such as `%YAML 1.1` or `%TAG ! tag:example.org,2026:`. @throws Error naming the place */
export function scanDirective(cursor: Cursor): Token {
  const { mark } = cursor;
  cursor.take();
  const text = cursor.takeWhile((character) => WORD.test(character));
  if (text === '' || !cursor.isAt(AFTER_WORD)) {
    throw refused(`the name of a directive cannot have ${shown(cursor.peek())}`, cursor.mark);
  }
  const token = { kind: 'directive', mark, text, ...valueOf(cursor, text) } as const;
  cursor.skipComment();
  if (!cursor.isAt(END + BREAKS)) {
    throw refused(`a directive cannot have ${shown(cursor.peek())} behind it`, cursor.mark);
  }
  cursor.takeBreak();
  return token;
}

function valueOf(cursor: Cursor, name: string): Pick<Token, 'major' | 'tag'> {
  if (name !== 'YAML' && name !== 'TAG') {
    cursor.takeWhile((character) => !BREAKS.includes(character));
    return {};
  }
  skipSpaces(cursor);
  if (name === 'YAML') {
    const major = scanNumber(cursor);
    if (cursor.peek() !== '.') throw refused('a version of YAML has a dot', cursor.mark);
    cursor.take();
    scanNumber(cursor);
    requireEnd(cursor, cursor.mark);
    return { major };
  }
  const handle = scanHandle(cursor);
  if (cursor.peek() !== ' ') throw refused('the handle of a tag wants a space', cursor.mark);
  skipSpaces(cursor);
  const suffix = scanUri(cursor);
  requireEnd(cursor, cursor.mark);
  return { tag: { handle, suffix } };
}

function skipSpaces(cursor: Cursor): void {
  cursor.takeWhile((character) => character === ' ');
}

function scanNumber(cursor: Cursor): number {
  const digits = cursor.takeWhile((character) => /^[0-9]$/.test(character));
  if (digits === '') throw refused('a version of YAML is two numbers', cursor.mark);
  return Number(digits);
}

function requireEnd(cursor: Cursor, mark: Mark): void {
  if (!cursor.isAt(AFTER_WORD)) {
    throw refused(`a directive cannot have ${shown(cursor.peek())}`, mark);
  }
}
