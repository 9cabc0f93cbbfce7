import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Document,
  Lexer,
  Pair,
  parseDocument,
  Parser,
  Scalar,
  stringify,
  visit,
  YAMLMap,
  YAMLSeq,
  YAMLWarning,
  type Node,
  type ScalarTag,
} from 'yaml';
import { withLineFeeds } from './line-feeds.js';
import { quoted, UNPRINTABLE } from './yaml-quotes.js';

export { isMap, isScalar, isSeq, Pair, visit, YAMLMap, type Document };

/*
 * YAML is written here and read by PyYAML (cloud-init), which follows YAML 1.1: `52:54:00:12:34:56` is a number to it,
 * `no` is false, `014` is 12. So nothing is ever converted: a document is read by the failsafe schema, where every
 * scalar is a string, an untouched one is written as it was, and one of ours is quoted when 1.1 could misread it.
 */

const STRING: ScalarTag = {
  tag: 'tag:yaml.org,2002:str',
  default: true,
  identify: (value) => typeof value === 'string',
  resolve: (text) => text,
};

/** A string that is written as its `source` says, quotes and escapes included. */
const VERBATIM: ScalarTag = {
  ...STRING,
  format: 'VERBATIM',
  stringify: (scalar) => scalar.source ?? '',
};

const SCHEMA = {
  schema: 'failsafe',
  customTags: () => ['map' as const, 'seq' as const, STRING, VERBATIM],
  resolveKnownTags: false,
  // PyYAML takes a key that is there twice, and the last one counts.
  uniqueKeys: false,
};

/** Levels and lexemes of a text: far beyond any cloud-config, far below what takes seconds, or all the stack. */
const DEEPEST = 64;
const MOST_LEXEMES = 150_000;

/** YAML's ways to write nothing. */
const NULL = /^(?:~|null|Null|NULL|)$/;
/** Nodes that aliases may stand for in all: far beyond any seed, far below what hurts. */
const MOST_COPIED = 10_000;

/**
 * Writes plain data (what JSON can hold) as block YAML that YAML 1.1 and 1.2 read alike.
 * Keys whose value is undefined are left out, as in JSON.
 */
export function toYaml(value: unknown): string {
  const document = new Document(null, SCHEMA);
  document.contents = nodeOf(value);
  return guestYamlText(document);
}

/**
 * Reads one document that a guest reads too, to be changed in place: its order, comments, untouched scalars and
 * collection styles stay; anchors and merge keys are written out, so that every place can be changed by itself.
 * @throws Error whose message says in one line what is wrong and where, for broken YAML
 */
export function parseGuestYaml(given: string): Document {
  const text = withLineFeeds(given);
  requireModest(text);
  const document = parseDocument(text, { ...SCHEMA, keepSourceTokens: true });
  const [error] = document.errors;
  if (error !== undefined) {
    throw new Error(error.message.replace(/:?\n[^]*/, ''), { cause: error });
  }
  visit(document, { Scalar: (_, scalar) => keepQuotes(scalar) });
  writeOutAliases(document);
  visit(document, { Map: (_, map) => dropRepeated(map, document) });
  visit(document, { Map: (_, map) => mergeInto(map) });
  return document;
}

/**
 * Looks at the depth and length of a text by the one part of the library that keeps a stack of its own: the others call
 * themselves, and Node dies where that runs out.
 */
function requireModest(text: string): void {
  const parser = new Parser();
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(text)) {
    lexemes += 1;
    if (lexemes > MOST_LEXEMES) throw new Error('it has too many keys and values');
    // What is wrong with it is for the reading to say; it comes to its depth all the same.
    Array.from(parser.next(lexeme));
    if (parser.stack.length > DEEPEST + 1)
      throw new Error(`it is nested more than ${DEEPEST} levels deep`);
  }
}

/** A key that a mapping has more than once, and its last place. */
export interface RepeatedKey {
  readonly key: string;
  /** Offset in the text of the one that counts. */
  readonly offset: number;
}

/**
 * The keys that a text had more than once: to PyYAML the last one counts, without a word, and so it does in the
 * document of {@link parseGuestYaml}.
 */
export function repeatedKeys(document: Document): RepeatedKey[] {
  // What an alias stands for is found in each place where it does.
  const found = new Map<number, string>();
  for (const { code, pos, message } of document.warnings) {
    if (code === 'DUPLICATE_KEY') found.set(pos[0], message);
  }
  return [...found]
    .map(([offset, key]) => ({ key, offset }))
    .sort((one, other) => one.offset - other.offset);
}

/** The text of a document of {@link parseGuestYaml}. */
export function guestYamlText(document: Document): string {
  return document.toString({ lineWidth: 0 });
}

/** Whether there is no node, or one that says null without quotes. */
export function isNothing(node: unknown): boolean {
  if (node === null) return true;
  return isScalar(node) && node.type === 'PLAIN' && NULL.test(String(node.value));
}

/** The nodes of plain data, as {@link toYaml} writes them. */
export function nodeOf(value: unknown): Node {
  switch (typeof value) {
    case 'string':
      return writeScalar(new Scalar(''), value);
    case 'number':
    case 'boolean':
      return plainScalar(String(value));
    case 'object':
      return value === null ? plainScalar('~') : collectionOf(value);
    default:
      throw new Error(`a ${typeof value} cannot be written as YAML`);
  }
}

function collectionOf(value: object): Node {
  if (Array.isArray(value)) {
    const list = new YAMLSeq();
    list.items = value.map(nodeOf);
    return list;
  }
  const map = new YAMLMap();
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  map.items = entries.map(([key, item]) => new Pair(nodeOf(key), nodeOf(item)));
  return map;
}

function plainScalar(text: string): Scalar {
  return Object.assign(new Scalar(text), { type: Scalar.PLAIN });
}

/** Makes a scalar say a string of ours, in double quotes when YAML 1.1 could misread it. */
export function writeScalar(scalar: Scalar, text: string): Scalar {
  const plain = isPlain(text);
  return Object.assign(scalar, {
    value: text,
    tag: undefined,
    type: plain ? Scalar.PLAIN : Scalar.QUOTE_DOUBLE,
    format: plain ? undefined : VERBATIM.format,
    source: quoted(text),
  });
}

/** Multi-line text is not plain, nor is what has a colon: Multipass quotes that too, a MAC or not. */
function isPlain(text: string): boolean {
  // A lone '=' has a meaning of its own in YAML 1.1, and PyYAML takes no tab; the library knows neither.
  if (text === '=' || /[:\t]/.test(text) || text.search(UNPRINTABLE) >= 0) return false;
  return stringify(text, { compat: 'yaml-1.1', lineWidth: 0 }) === `${text}\n`;
}

/** Marks a quoted string to be written as it was; one folded over several lines comes on one. */
function keepQuotes(scalar: Scalar): void {
  const token = scalar.srcToken;
  if (token?.type !== 'double-quoted-scalar' && token?.type !== 'single-quoted-scalar') return;
  const source = token.source.includes('\n') ? quoted(String(scalar.value)) : token.source;
  Object.assign(scalar, { format: VERBATIM.format, source });
}

/**
 * Replaces every alias by a copy of what it names.
 * @throws Error for an alias inside of its own anchor, and for too many of them
 */
function writeOutAliases(document: Document): void {
  const anchors = new Map<string, Node>();
  let copied = 0;
  visit(document, {
    Node: (_, node, ancestors) => {
      if (!isAlias(node)) {
        if (node.anchor !== undefined) anchors.set(node.anchor, node);
        delete node.anchor;
        return undefined;
      }
      const target = anchors.get(node.source);
      if (target === undefined || ancestors.includes(target)) {
        throw new Error(`the alias *${node.source} names nothing before it`);
      }
      copied += sizeOf(target);
      if (copied > MOST_COPIED) throw new Error('its aliases stand for too much');
      return target.clone() as Node;
    },
  });
}

/**
 * Puts the last one of equal keys in the place of the first, as a dictionary of Python has it, and notes that as a
 * warning of the document. A merge key may be there several times.
 */
function dropRepeated(map: YAMLMap, document: Document): void {
  const places = new Map<string, number>();
  const kept: Pair[] = [];
  for (const pair of map.items) {
    const { key } = pair;
    if (!isScalar(key) || isMerge(pair)) {
      kept.push(pair);
      continue;
    }
    const place = placeOfKey(key, places) ?? kept.length;
    if (place < kept.length) {
      const [start, end] = key.range ?? [0, 0];
      document.warnings.push(new YAMLWarning([start, end], 'DUPLICATE_KEY', String(key.value)));
    }
    kept[place] = pair;
    places.set(spelling(key), place);
  }
  map.items = kept;
}

/** A quoted key is another than a plain one that is spelt alike, where YAML 1.1 takes that for no string. */
function placeOfKey(key: Scalar, places: ReadonlyMap<string, number>): number | undefined {
  const place = places.get(spelling(key));
  if (place !== undefined) return place;
  const other = places.get(spelling(key, key.type === 'PLAIN'));
  return other !== undefined && isPlain(String(key.value)) ? other : undefined;
}

function spelling(key: Scalar, isQuoted = key.type !== 'PLAIN'): string {
  return `${isQuoted ? '"' : ' '}${String(key.value)}`;
}

/**
 * Puts in the keys that `<<` brings; the mapping's own ones win. Among several sources of one `<<` those of the first
 * win, and among several `<<` those of the last.
 */
function mergeInto(map: YAMLMap): void {
  const merges = map.items.filter(isMerge);
  if (merges.length === 0) return;
  const own = new Set(map.items.map(keyOf));
  for (const merge of merges.reverse()) {
    const sources = isSeq(merge.value) ? merge.value.items : [merge.value];
    if (!sources.every(isMap)) continue;
    map.items.splice(map.items.indexOf(merge), 1);
    for (const source of sources) {
      mergeInto(source);
      const added = source.items.filter((pair) => !own.has(keyOf(pair)));
      for (const pair of added) {
        own.add(keyOf(pair));
        map.items.push(pair);
      }
    }
  }
}

/** A scalar key is what it says, any other itself. */
function keyOf({ key }: Pair): unknown {
  return isScalar(key) ? key.value : key;
}

function isMerge({ key }: Pair): boolean {
  return isScalar(key) && key.type === 'PLAIN' && key.value === '<<';
}

function sizeOf(node: Node): number {
  let size = 0;
  visit(node, { Node: () => void (size += 1) });
  return size;
}
