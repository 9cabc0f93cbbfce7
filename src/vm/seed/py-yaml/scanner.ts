import { BLANKS, Cursor, END, refused, shown, type Mark } from './cursor.js';
import { scanDirective, scanName, scanTag } from './scan-properties.js';
import { scanBlock, scanPlain, scanQuoted } from './scan-scalars.js';
import type { Token, TokenKind } from './token.js';

/** A key in one line has its colon within that many characters. */
const LONGEST_KEY = 1024;

/** What no plain scalar begins with. */
const INDICATORS = `${BLANKS}-?:,[]{}#&*!|>'"%@\``;

/** Collections within each other: PyYAML gives up at about 490, for want of stack. */
export const DEEPEST = 400;

/** A token that turns out to be a key when a colon follows. */
interface PossibleKey {
  /** Where its token is, or will be. */
  readonly at: number;
  readonly mark: Mark;
  /** True where nothing but a key may be. */
  readonly isRequired: boolean;
}

/**
 * Takes a text apart by the rules of PyYAML's scanner, which are neither quite those of YAML 1.1 nor of 1.2: what may
 * be a key, how far a block goes, what a tab is.
 * @throws Error naming the place of what PyYAML refuses
 */
export function scan(text: string): Token[] {
  return new Scanner(text).scan();
}

class Scanner {
  readonly #cursor: Cursor;
  readonly #tokens: Token[] = [];
  /** By the depth of the flow collection that they are in. */
  readonly #keys: (PossibleKey | undefined)[] = [];
  readonly #indents: number[] = [];
  #indent = -1;
  #flow = 0;
  #mayBeKey = true;

  constructor(text: string) {
    this.#cursor = new Cursor(text);
  }

  scan(): Token[] {
    for (;;) {
      this.#skipBlanks();
      this.#forgetOldKeys();
      this.#endBlocks(this.#cursor.column);
      if (this.#cursor.peek() === END) break;
      this.#next();
    }
    this.#endBlocks(-1);
    this.#forgetKey();
    this.#add('the end of the text');
    return this.#tokens;
  }

  #next(): void {
    const cursor = this.#cursor;
    const next = cursor.peek();
    if (cursor.column === 0 && (next === '%' || this.#isDocumentMark())) {
      this.#betweenDocuments(next);
    } else if (next === '[' || next === '{') this.#beginFlow(next);
    else if (next === ']' || next === '}') this.#endFlow(next);
    else if (next === ',') this.#indicate(',', true);
    else if (next === '-' && cursor.isAt(BLANKS, 1)) this.#entry();
    else if (next === '?' && (this.#flow > 0 || cursor.isAt(BLANKS, 1))) this.#key();
    else if (next === ':' && (this.#flow > 0 || cursor.isAt(BLANKS, 1))) this.#value();
    else if ((next === '|' || next === '>') && this.#flow === 0) this.#block();
    else this.#node(next);
  }

  /** What may be a key, or stand before one. */
  #node(next: string): void {
    const cursor = this.#cursor;
    const begins = '*&!\'"'.includes(next) || this.#beginsPlain(next);
    if (!begins) throw refused(`${shown(next)} cannot begin anything`, cursor.mark);
    this.#noteKey();
    this.#mayBeKey = false;
    if (next === '*') this.#tokens.push(scanName(cursor, 'alias'));
    else if (next === '&') this.#tokens.push(scanName(cursor, 'anchor'));
    else if (next === '!') this.#tokens.push(scanTag(cursor));
    else if (next === '"' || next === "'") this.#tokens.push(scanQuoted(cursor, next));
    else {
      const limits = { indent: this.#indent + 1, isFlow: this.#flow > 0 };
      const { token, endsLine } = scanPlain(cursor, limits);
      this.#tokens.push(token);
      this.#mayBeKey = endsLine;
    }
  }

  #beginsPlain(next: string): boolean {
    if (!INDICATORS.includes(next)) return true;
    if (this.#cursor.isAt(BLANKS, 1)) return false;
    return next === '-' || (this.#flow === 0 && '?:'.includes(next));
  }

  #isDocumentMark(): boolean {
    return this.#cursor.isDocumentMark('---') || this.#cursor.isDocumentMark('...');
  }

  #skipBlanks(): void {
    const cursor = this.#cursor;
    if (cursor.isAtStart && cursor.peek() === '\ufeff') cursor.take();
    do cursor.skipComment();
    while (this.#takeBreak());
  }

  #takeBreak(): boolean {
    if (this.#cursor.takeBreak() === '') return false;
    if (this.#flow === 0) this.#mayBeKey = true;
    return true;
  }

  #betweenDocuments(next: string): void {
    this.#endBlocks(-1);
    this.#forgetKey();
    this.#mayBeKey = false;
    if (next === '%') {
      this.#tokens.push(scanDirective(this.#cursor));
    } else {
      this.#add(next === '-' ? '---' : '...');
      this.#cursor.take(3);
    }
  }

  #beginFlow(kind: '[' | '{'): void {
    this.#noteKey();
    this.#flow += 1;
    if (this.#flow > DEEPEST) throw tooDeep(this.#cursor.mark);
    this.#mayBeKey = true;
    this.#add(kind);
    this.#cursor.take();
  }

  #endFlow(kind: ']' | '}'): void {
    this.#forgetKey();
    if (this.#flow === 0) throw refused(`"${kind}" ends nothing`, this.#cursor.mark);
    this.#flow -= 1;
    this.#mayBeKey = false;
    this.#add(kind);
    this.#cursor.take();
  }

  #entry(): void {
    if (this.#flow === 0) {
      if (!this.#mayBeKey) throw this.#notHere('an entry of a list');
      this.#beginBlock('block list', this.#cursor.mark);
    }
    this.#indicate('-', true);
  }

  #key(): void {
    if (this.#flow === 0) {
      if (!this.#mayBeKey) throw this.#notHere('a key');
      this.#beginBlock('block mapping', this.#cursor.mark);
    }
    this.#indicate('?', this.#flow === 0);
  }

  #value(): void {
    const key = this.#keys[this.#flow];
    if (key !== undefined) {
      this.#keys[this.#flow] = undefined;
      this.#tokens.splice(key.at, 0, { kind: '?', mark: key.mark });
      if (this.#flow === 0) this.#beginBlock('block mapping', key.mark, key.at);
      this.#mayBeKey = false;
      this.#add(':');
      this.#cursor.take();
      return;
    }
    if (this.#flow === 0) {
      if (!this.#mayBeKey) throw this.#notHere('a second ": " in a line');
      this.#beginBlock('block mapping', this.#cursor.mark);
    }
    this.#indicate(':', this.#flow === 0);
  }

  #block(): void {
    this.#mayBeKey = true;
    this.#forgetKey();
    this.#tokens.push(scanBlock(this.#cursor, this.#indent));
  }

  #indicate(kind: TokenKind, mayBeKey: boolean): void {
    this.#mayBeKey = mayBeKey;
    this.#forgetKey();
    this.#add(kind);
    this.#cursor.take();
  }

  #noteKey(): void {
    if (!this.#mayBeKey) return;
    this.#forgetKey();
    const { mark } = this.#cursor;
    const isRequired = this.#flow === 0 && this.#indent === mark.column;
    this.#keys[this.#flow] = { at: this.#tokens.length, mark, isRequired };
  }

  #forgetKey(): void {
    if (this.#keys[this.#flow]?.isRequired === true) throw this.#noColon(this.#keys[this.#flow]);
    this.#keys[this.#flow] = undefined;
  }

  #forgetOldKeys(): void {
    const { line, index } = this.#cursor.mark;
    for (let flow = 0; flow <= this.#flow; flow += 1) {
      const key = this.#keys[flow];
      if (key === undefined) continue;
      if (key.mark.line === line && index - key.mark.index <= LONGEST_KEY) continue;
      if (key.isRequired) throw this.#noColon(key);
      this.#keys[flow] = undefined;
    }
  }

  #endBlocks(column: number): void {
    if (this.#flow > 0) return;
    while (this.#indent > column) {
      this.#indent = this.#indents.pop() ?? -1;
      this.#add('end of block');
    }
  }

  #beginBlock(kind: 'block list' | 'block mapping', mark: Mark, at = this.#tokens.length): void {
    if (this.#indent >= mark.column) return;
    this.#indents.push(this.#indent);
    if (this.#indents.length > DEEPEST) throw tooDeep(mark);
    this.#indent = mark.column;
    this.#tokens.splice(at, 0, { kind, mark });
  }

  #add(kind: TokenKind): void {
    this.#tokens.push({ kind, mark: this.#cursor.mark });
  }

  #notHere(what: string): Error {
    return refused(`${what} cannot be here`, this.#cursor.mark);
  }

  #noColon(key: PossibleKey | undefined): Error {
    return refused('there is no ": " behind a key', key?.mark ?? this.#cursor.mark);
  }
}

/** The error for collections in each other beyond {@link DEEPEST}. */
export function tooDeep(mark: Mark): Error {
  return refused(`more than ${DEEPEST} lists and mappings are in each other`, mark);
}
