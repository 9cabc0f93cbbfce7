/** Ends of line, as YAML 1.1 has them. */
export const BREAKS = '\r\n\x85\u2028\u2029';

/** What may stand behind an indicator: a blank, an end of line, or the end of the text. */
export const BLANKS = `\0 \t${BREAKS}`;

/** What stands at the end of the text, where there is nothing. */
export const END = '\0';

/** A place in a text. */
export interface Mark {
  /** Characters before it. */
  readonly index: number;
  /** From 0. */
  readonly line: number;
  readonly column: number;
}

/** A text that is gone through character by character, with line and column. */
export class Cursor {
  readonly #text: string;
  #at = 0;
  #index = 0;
  #line = 0;
  #column = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get column(): number {
    return this.#column;
  }

  get mark(): Mark {
    return { index: this.#index, line: this.#line, column: this.#column };
  }

  /** Whether nothing has been gone through yet. */
  get isAtStart(): boolean {
    return this.#at === 0;
  }

  /** The character that many further on; {@link END} behind the last one. */
  peek(offset = 0): string {
    return this.#text[this.#at + offset] ?? END;
  }

  /** Whether the next characters are these. */
  startsWith(word: string): boolean {
    return this.#text.startsWith(word, this.#at);
  }

  /** Whether the character that many further on is one of these. */
  isAt(characters: string, offset = 0): boolean {
    return characters.includes(this.peek(offset));
  }

  /** Goes on over that many characters. @returns them */
  take(count = 1): string {
    const taken = this.#text.slice(this.#at, this.#at + count);
    for (let step = 0; step < count; step += 1) this.#step();
    return taken;
  }

  /** Goes on as long as the characters are among these. @returns them */
  takeWhile(isWanted: (character: string) => boolean): string {
    let count = 0;
    while (this.#at + count < this.#text.length && isWanted(this.peek(count))) count += 1;
    return this.take(count);
  }

  /** Goes over one end of line. @returns what it counts as; '' when there is none */
  takeBreak(): string {
    const next = this.peek();
    if (next === END || !BREAKS.includes(next)) return '';
    this.take(this.startsWith('\r\n') ? 2 : 1);
    return next === '\u2028' || next === '\u2029' ? next : '\n';
  }

  /** Goes over blanks and a comment, to the end of the line or to what else is there. */
  skipComment(): void {
    this.takeWhile((character) => character === ' ');
    if (this.peek() === '#') this.takeWhile((character) => !BREAKS.includes(character));
  }

  /** Whether `---` or `...` stands here alone, as between documents. */
  isDocumentMark(word: '---' | '...'): boolean {
    return this.startsWith(word) && this.isAt(BLANKS, 3);
  }

  #step(): void {
    const character = this.peek();
    const next = this.peek(1);
    this.#at += 1;
    // The second half of a character beyond the first 65536 is none of its own.
    if (/[\udc00-\udfff]/.test(character)) return;
    this.#index += 1;
    if (character === '\r' ? next !== '\n' : BREAKS.includes(character)) {
      this.#line += 1;
      this.#column = 0;
    } else if (character !== '\ufeff') {
      this.#column += 1;
    }
  }
}

/** The error for a text that PyYAML refuses at a place. */
export function refused(problem: string, mark: Mark): Error {
  return new Error(`${problem} at line ${mark.line + 1}, column ${mark.column + 1}`);
}

/** A character as messages show it. */
export function shown(character: string): string {
  return character === END ? 'the end of the text' : JSON.stringify(character);
}
