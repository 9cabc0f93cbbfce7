/** An element of an XML document; its text is all that stands in it besides elements, put together. */
export interface XmlElement {
  /** Without a namespace's prefix. */
  readonly name: string;
  /** By their names without prefixes. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  readonly text: string;
}

/** Far beyond any description of a machine, and far below what hurts. */
const LARGEST = 1024 ** 2;
const DEEPEST = 64;
const MOST_ELEMENTS = 20_000;
const MOST_ATTRIBUTES = 64;

const NAMED: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
};

const NAME = /[A-Za-z_][A-Za-z0-9_.:-]{0,127}/y;
const BLANKS = /[ \t\r\n]*/y;
/** What is no character of XML 1.0. */
// eslint-disable-next-line no-control-regex -- these are what is looked for
const NO_XML = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;

interface Draft {
  readonly name: string;
  readonly tag: string;
  readonly attributes: Map<string, string>;
  readonly children: Draft[];
  text: string;
}

/**
 * Reads an XML document of a stranger: elements, attributes, text and CDATA. There are no entities but the five that
 * XML itself has, and characters by number: a document with a DOCTYPE is refused, so nothing in it can grow, and
 * nothing leads out of it. It is one loop, and its depth and length have limits.
 * @throws Error whose message says what is wrong, as a sentence goes on after "…: "
 */
export function readXml(given: string): XmlElement {
  return new XmlReader(given).read();
}

class XmlReader {
  readonly #text: string;
  #at = 0;
  #count = 0;
  readonly #open: Draft[] = [];
  #root: Draft | undefined;

  constructor(given: string) {
    if (given.length > LARGEST) throw new Error('it is too long for a description of a machine');
    this.#text = given.startsWith('\ufeff') ? given.slice(1) : given;
    if (NO_XML.test(this.#text)) throw new Error('it has characters that no XML has');
  }

  read(): XmlElement {
    if (/^<\?xml\s/.test(this.#text)) this.#past('?>', 'its XML declaration');
    while (this.#at < this.#text.length) this.#step();
    const left = this.#open.at(-1);
    if (left !== undefined) throw new Error(`it is cut off in <${left.tag}>`);
    return this.#root ?? this.#fail('it has no element');
  }

  #step(): void {
    if (this.#text[this.#at] !== '<') this.#readText();
    else if (this.#has('<!--')) this.#past('-->', 'a comment');
    else if (this.#has('<![CDATA['))
      this.#addText(this.#past(']]>', 'a CDATA section').slice(9, -3));
    else if (this.#has('<!')) this.#fail('it has a DOCTYPE, which is not read');
    else if (this.#has('<?')) this.#past('?>', 'an instruction');
    else if (this.#has('</')) this.#close();
    else this.#begin();
  }

  #readText(): void {
    const next = this.#text.indexOf('<', this.#at);
    const end = next === -1 ? this.#text.length : next;
    const raw = this.#text.slice(this.#at, end);
    this.#at = end;
    this.#addText(this.#decoded(raw));
  }

  #addText(text: string): void {
    const open = this.#open.at(-1);
    if (open !== undefined) open.text += text;
    else if (text.trim() !== '') this.#fail('it has text outside of its element');
  }

  #begin(): void {
    this.#at += 1;
    const tag = this.#name();
    if ((this.#count += 1) > MOST_ELEMENTS) this.#fail('it has too many elements');
    if (this.#open.length >= DEEPEST) this.#fail(`it is nested more than ${DEEPEST} levels deep`);
    const draft: Draft = { name: local(tag), tag, attributes: new Map(), children: [], text: '' };
    while (this.#skipBlanks() && !this.#has('>') && !this.#has('/>')) this.#attribute(draft);
    const above = this.#open.at(-1);
    if (above !== undefined) above.children.push(draft);
    else if (this.#root === undefined) this.#root = draft;
    else this.#fail('it has two elements at its top');
    if (this.#has('/>')) this.#at += 2;
    else {
      this.#at += 1;
      this.#open.push(draft);
    }
  }

  #attribute({ attributes, tag }: Draft): void {
    const name = this.#name();
    this.#skipBlanks();
    if (this.#text[this.#at] !== '=') this.#fail(`an attribute of <${tag}> has no value`);
    this.#at += 1;
    this.#skipBlanks();
    const quote = this.#text[this.#at] ?? '';
    const end = quote === '"' || quote === "'" ? this.#text.indexOf(quote, this.#at + 1) : -1;
    if (end === -1) this.#fail(`an attribute of <${tag}> has no value`);
    const value = this.#text.slice(this.#at + 1, end);
    if (value.includes('<')) this.#fail(`an attribute of <${tag}> has a "<" in it`);
    this.#at = end + 1;
    if (attributes.size >= MOST_ATTRIBUTES) this.#fail(`<${tag}> has too many attributes`);
    // Of two that differ in their prefixes alone the first one counts.
    if (!attributes.has(local(name))) attributes.set(local(name), this.#decoded(value));
  }

  #close(): void {
    this.#at += 2;
    const tag = this.#name();
    this.#skipBlanks();
    const open = this.#open.pop();
    if (open?.tag !== tag || !this.#has('>')) this.#fail(`</${tag}> closes nothing`);
    this.#at += 1;
  }

  #name(): string {
    NAME.lastIndex = this.#at;
    const name = NAME.exec(this.#text)?.[0] ?? this.#fail('a name is missing in it');
    this.#at += name.length;
    return name;
  }

  /** Always true. */
  #skipBlanks(): boolean {
    BLANKS.lastIndex = this.#at;
    this.#at += BLANKS.exec(this.#text)?.[0].length ?? 0;
    return true;
  }

  #past(end: string, what: string): string {
    const at = this.#text.indexOf(end, this.#at);
    if (at === -1) this.#fail(`${what} has no end`);
    const passed = this.#text.slice(this.#at, at + end.length);
    this.#at = at + end.length;
    return passed;
  }

  #decoded(raw: string): string {
    if (!raw.includes('&')) return raw;
    return raw.replace(/&([^;&]{0,12});?/g, (whole, name: string) => {
      const found = whole.endsWith(';') ? characterOf(name) : undefined;
      return found ?? this.#fail(`${JSON.stringify(whole)} stands for nothing`);
    });
  }

  #has(text: string): boolean {
    return this.#text.startsWith(text, this.#at);
  }

  #fail(problem: string): never {
    const line = this.#text.slice(0, this.#at).split('\n').length;
    throw new Error(`${problem} (line ${line})`);
  }
}

function characterOf(name: string): string | undefined {
  if (Object.hasOwn(NAMED, name)) return NAMED[name];
  const [, hex, decimal] = /^#(?:x([0-9A-Fa-f]{1,6})|([0-9]{1,7}))$/.exec(name) ?? [];
  const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
  const isCharacter = code > 0 && code <= 0x10_ff_ff && !(code >= 0xd800 && code <= 0xdfff);
  if (!isCharacter) return undefined;
  const character = String.fromCodePoint(code);
  return NO_XML.test(character) ? undefined : character;
}

function local(tag: string): string {
  return tag.slice(tag.lastIndexOf(':') + 1);
}

/** The elements of a name right below one. */
export function childrenOf(element: XmlElement, name: string): XmlElement[] {
  return element.children.filter((child) => child.name === name);
}

/** The first element that a path of names leads to; undefined when there is none. */
export function elementAt(element: XmlElement, ...path: readonly string[]): XmlElement | undefined {
  let found: XmlElement | undefined = element;
  for (const name of path) found = found?.children.find((child) => child.name === name);
  return found;
}

/** A text as it stands in a document of ours, in an attribute as well. */
export function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
