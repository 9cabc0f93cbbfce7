import { refused, type Mark } from './cursor.js';
import { YAML_TAG, type PyMapping, type PyNode } from './node.js';
import { resolvedTag } from './resolve.js';
import { DEEPEST, scan, tooDeep } from './scanner.js';
import type { Token, TokenKind } from './token.js';

/** Handles that every document knows. */
const HANDLES: readonly (readonly [string, string])[] = [
  ['!', '!'],
  ['!!', YAML_TAG],
];

/**
 * Reads a text as PyYAML's `safe_load` does, up to the values of scalars.
 * @returns null for a text without a document
 * @throws Error naming the place of what PyYAML refuses
 */
export function parsePyYaml(text: string): PyNode | null {
  return new Parser(scan(text)).document();
}

/** What stands before a node. */
interface Properties {
  readonly anchor: string | undefined;
  /** Undefined: none. `!`: told from the text as well, but quotes do not count. */
  readonly tag: string | undefined;
  readonly mark: Mark | undefined;
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;
  #handles = new Map(HANDLES);
  readonly #anchors = new Map<string, PyNode>();

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  document(): PyNode | null {
    let root: PyNode | null = null;
    if (!this.#isAt('directive', '---', 'the end of the text')) {
      root = this.#node({ isBlock: true });
    } else if (!this.#isAt('the end of the text')) {
      this.#directives();
      this.#expect('---');
      root = this.#isAt('directive', '---', '...', 'the end of the text')
        ? this.#empty()
        : this.#node({ isBlock: true });
    }
    while (root !== null && this.#isAt('...')) this.#take();
    if (this.#isAt('---', 'directive')) {
      throw refused('there is more than one document', this.#token.mark);
    }
    this.#expect('the end of the text');
    return root;
  }

  get #token(): Token {
    const token = this.#tokens[this.#at] ?? this.#tokens.at(-1);
    if (token === undefined) throw new Error('a text without any token');
    return token;
  }

  #isAt(...kinds: readonly TokenKind[]): boolean {
    return kinds.includes(this.#token.kind);
  }

  #take(): Token {
    const token = this.#token;
    this.#at += 1;
    return token;
  }

  #expect(kind: TokenKind): Token {
    if (this.#isAt(kind)) return this.#take();
    throw refused(`expected ${kind}, but found ${this.#token.kind}`, this.#token.mark);
  }

  #directives(): void {
    const handles = new Map<string, string>();
    let hasVersion = false;
    while (this.#isAt('directive')) {
      const { text, tag, major, mark } = this.#take();
      if (text === 'YAML') {
        if (hasVersion) throw refused('the version of YAML is there twice', mark);
        if (major !== 1) throw refused(`version ${major ?? ''} of YAML is not known`, mark);
        hasVersion = true;
      } else if (tag !== undefined) {
        const handle = tag.handle ?? '';
        if (handles.has(handle)) throw refused(`the handle "${handle}" is there twice`, mark);
        handles.set(handle, tag.suffix);
      }
    }
    this.#handles = new Map([...HANDLES, ...handles]);
  }

  /** @param place `isIndentless`: the list that is a value may stand below its key, not indented */
  #node(place: { readonly isBlock: boolean; readonly isIndentless?: boolean }): PyNode {
    if (this.#isAt('alias')) return this.#alias();
    const { anchor, tag, mark = this.#token.mark } = this.#properties();
    this.#depth += 1;
    if (this.#depth > DEEPEST) throw tooDeep(mark);
    const node = this.#begin(
      { tag, mark, isGiven: anchor !== undefined || tag !== undefined },
      place,
    );
    if (anchor !== undefined) {
      if (this.#anchors.has(anchor)) throw refused(`the anchor &${anchor} is there twice`, mark);
      this.#anchors.set(anchor, node);
    }
    this.#fill(node);
    this.#depth -= 1;
    return node;
  }

  #alias(): PyNode {
    const { text = '', mark } = this.#take();
    const node = this.#anchors.get(text);
    if (node === undefined) throw refused(`the alias *${text} names nothing before it`, mark);
    return node;
  }

  #properties(): Properties {
    const first = this.#isAt('anchor', 'tag') ? this.#take() : undefined;
    const other = first?.kind === 'anchor' ? 'tag' : 'anchor';
    const second = first !== undefined && this.#isAt(other) ? this.#take() : undefined;
    const [anchor, tag] = first?.kind === 'anchor' ? [first, second] : [second, first];
    return {
      anchor: anchor?.text,
      tag: tag === undefined ? undefined : this.#tagOf(tag),
      mark: first?.mark,
    };
  }

  #tagOf({ tag, mark }: Token): string {
    const { handle = null, suffix = '' } = tag ?? {};
    if (handle === null) return suffix;
    const prefix = this.#handles.get(handle);
    if (prefix === undefined) throw refused(`the handle "${handle}" of a tag is not known`, mark);
    return prefix + suffix;
  }

  /** The node without what is in it, which may name it. */
  #begin(
    given: { readonly tag: string | undefined; readonly mark: Mark; readonly isGiven: boolean },
    {
      isBlock,
      isIndentless = false,
    }: { readonly isBlock: boolean; readonly isIndentless?: boolean },
  ): PyNode {
    const { mark } = given;
    const tag = given.tag === '!' ? undefined : given.tag;
    const { kind, text = '', isPlain = false } = this.#token;
    if (kind === 'scalar') {
      const looks = isPlain ? given.tag === undefined || given.tag === '!' : given.tag === '!';
      this.#take();
      return {
        kind: 'scalar',
        tag: tag ?? (looks ? resolvedTag(text) : `${YAML_TAG}str`),
        mark,
        text,
      };
    }
    const isList =
      kind === '[' || (isBlock && kind === 'block list') || (isIndentless && kind === '-');
    if (isList) return { kind: 'list', tag: tag ?? `${YAML_TAG}seq`, mark, items: [] };
    if (kind === '{' || (isBlock && kind === 'block mapping')) {
      return { kind: 'mapping', tag: tag ?? `${YAML_TAG}map`, mark, pairs: [] };
    }
    if (given.isGiven) return { kind: 'scalar', tag: tag ?? resolvedTag(''), mark, text: '' };
    throw refused(`expected a value, but found ${kind}`, this.#token.mark);
  }

  #fill(node: PyNode): void {
    if (node.kind === 'scalar') return;
    const { kind } = this.#token;
    if (node.kind === 'mapping') {
      this.#take();
      if (kind === '{') this.#flowMapping(node);
      else this.#blockMapping(node);
    } else if (kind === '[') {
      this.#take();
      this.#flowList(node.items);
    } else if (kind === 'block list') {
      this.#take();
      this.#entries(node.items, ['-', 'end of block']);
      this.#expect('end of block');
    } else {
      this.#entries(node.items, ['-', '?', ':', 'end of block']);
    }
  }

  #entries(items: PyNode[], ends: readonly TokenKind[]): void {
    while (this.#isAt('-')) {
      this.#take();
      items.push(this.#isAt(...ends) ? this.#empty() : this.#node({ isBlock: true }));
    }
  }

  #blockMapping({ pairs }: PyMapping): void {
    const place = { isBlock: true, isIndentless: true };
    const part = (): PyNode =>
      this.#isAt('?', ':', 'end of block') ? this.#empty() : this.#node(place);
    while (this.#isAt('?')) {
      this.#take();
      const key = part();
      pairs.push([key, this.#takeIf(':') ? part() : this.#empty()]);
    }
    this.#expect('end of block');
  }

  #flowList(items: PyNode[]): void {
    for (let isFirst = true; !this.#isAt(']'); isFirst = false) {
      if (!isFirst) this.#expect(',');
      if (this.#isAt(']')) break;
      items.push(this.#isAt('?') ? this.#singlePair() : this.#node({ isBlock: false }));
    }
    this.#take();
  }

  /** `[a: b]` is a list of a mapping. */
  #singlePair(): PyNode {
    const { mark } = this.#take();
    const key = this.#flowPart(':', ',', ']');
    const value = this.#takeIf(':') ? this.#flowPart(',', ']') : this.#empty();
    return { kind: 'mapping', tag: `${YAML_TAG}map`, mark, pairs: [[key, value]] };
  }

  #flowMapping({ pairs }: PyMapping): void {
    for (let isFirst = true; !this.#isAt('}'); isFirst = false) {
      if (!isFirst) this.#expect(',');
      if (this.#isAt('}')) break;
      if (this.#takeIf('?')) {
        const key = this.#flowPart(':', ',', '}');
        pairs.push([key, this.#takeIf(':') ? this.#flowPart(',', '}') : this.#empty()]);
      } else {
        pairs.push([this.#node({ isBlock: false }), this.#empty()]);
      }
    }
    this.#take();
  }

  #flowPart(...ends: readonly TokenKind[]): PyNode {
    return this.#isAt(...ends) ? this.#empty() : this.#node({ isBlock: false });
  }

  #takeIf(kind: TokenKind): boolean {
    if (!this.#isAt(kind)) return false;
    this.#take();
    return true;
  }

  #empty(): PyNode {
    return { kind: 'scalar', tag: resolvedTag(''), mark: this.#token.mark, text: '' };
  }
}
