import type { Mark } from './cursor.js';

/** What a text of YAML is made of. The texts are those of messages. */
export type TokenKind =
  | 'directive'
  | '---'
  | '...'
  | 'the end of the text'
  | 'block list'
  | 'block mapping'
  | 'end of block'
  | '['
  | ']'
  | '{'
  | '}'
  | ','
  | '-'
  | '?'
  | ':'
  | 'alias'
  | 'anchor'
  | 'tag'
  | 'scalar';

/** One token, and what belongs to its kind. */
export interface Token {
  readonly kind: TokenKind;
  readonly mark: Mark;
  /** Of a scalar its text, of an alias or anchor its name, of a directive its name. */
  readonly text?: string | undefined;
  /** Of a scalar: whether it is without quotes and no block. */
  readonly isPlain?: boolean | undefined;
  /** Of a tag; of a TAG directive, its handle and its prefix. `handle` null: the suffix is all of it. */
  readonly tag?: { readonly handle: string | null; readonly suffix: string } | undefined;
  /** Of a YAML directive: its first number. */
  readonly major?: number | undefined;
}
