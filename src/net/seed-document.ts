import { MultipassError } from '../errors.js';
import {
  guestYamlText,
  isMap,
  isNothing,
  isScalar,
  isSeq,
  nodeOf,
  Pair,
  parseGuestYaml,
  visit,
  writeScalar,
  YAMLMap,
  type Document,
} from '../yaml.js';

/** What a boolean key must not say to be on, in YAML 1.1. */
const OFF = /^(?:no|off|false|0)$/i;

/**
 * A YAML file of a cloud-init seed, to be changed in place: its order, comments, untouched scalars and collection
 * styles stay; anchors and merge keys are written out, so that every place can be changed by itself.
 */
export class SeedDocument {
  readonly root: SeedMapping;
  private readonly document: Document;

  private constructor(document: Document, root: SeedMapping) {
    this.document = document;
    this.root = root;
  }

  /**
   * Reads a document whose whole is a mapping; one that says nothing, such as '', is an empty mapping.
   * @param path the file, for messages
   * @throws MultipassError SEED_INVALID naming the path and the place, for broken YAML and for anything but a mapping
   */
  static parse(text: string, path: string): SeedDocument {
    const document = readDocument(text, path);
    if (isNothing(document.contents)) {
      const nothing = new YAMLMap();
      nothing.commentBefore = document.commentBefore;
      document.commentBefore = null;
      document.contents = nothing;
    }
    if (!isMap(document.contents)) throw invalid(path, 'it is no mapping');
    return new SeedDocument(document, new SeedMapping(document.contents, path, ''));
  }

  /** Gives every scalar, keys included, for which `replace` has an answer that new text. */
  replaceTexts(replace: (text: string) => string | undefined): void {
    visit(this.document, {
      Scalar: (_, scalar) => {
        const next = replace(String(scalar.value));
        if (next !== undefined) writeScalar(scalar, next);
      },
    });
  }

  /** The text of the file; its first line is `#cloud-config`, as in all that Multipass writes. */
  toString(): string {
    const text = guestYamlText(this.document);
    return /^#cloud-config\s/.test(text) ? text : `#cloud-config\n${text}`;
  }
}

/** A mapping of a {@link SeedDocument}: a view, so that changes are the document's. */
export class SeedMapping {
  private readonly map: YAMLMap;
  private readonly path: string;
  private readonly at: string;

  /** @param at the keys that lead here, joined by dots; '' for the whole document */
  constructor(map: YAMLMap, path: string, at: string) {
    this.map = map;
    this.path = path;
    this.at = at;
  }

  /** Its keys in the order of the document. */
  keys(): string[] {
    return this.map.items.flatMap(({ key }) => (isScalar(key) ? [String(key.value)] : []));
  }

  has(key: string): boolean {
    return this.map.has(key);
  }

  /** The scalar at a key as it is written, quotes aside; null when there is none, or nothing in it. */
  text(key: string): string | null {
    const node = this.map.get(key, true);
    return isScalar(node) && !isNothing(node) ? String(node.value) : null;
  }

  /** Whether a boolean key is on, as YAML 1.1 reads it. */
  isOn(key: string): boolean {
    const text = this.text(key);
    return text !== null && !OFF.test(text);
  }

  /** The scalars of the list at a key, as they are written; of an item that is a mapping its keys. */
  texts(key: string): string[] {
    return this.itemsOf(key).flatMap((item) => {
      if (isMap(item)) return new SeedMapping(item, this.path, this.at).keys();
      return isScalar(item) ? [String(item.value)] : [];
    });
  }

  /** The mappings in the list at a key. */
  mappings(key: string): SeedMapping[] {
    const maps = this.itemsOf(key).filter(isMap);
    return maps.map((map) => new SeedMapping(map, this.path, `${this.at}.${key}`));
  }

  /**
   * The mapping at a key; null when there is none, or nothing in it.
   * @throws MultipassError SEED_INVALID when something else is there
   */
  mapping(key: string): SeedMapping | null {
    const node = this.map.get(key, true);
    const at = this.at === '' ? key : `${this.at}.${key}`;
    if (isMap(node)) return new SeedMapping(node, this.path, at);
    if (node === undefined || isNothing(node)) return null;
    throw invalid(this.path, `"${at}" is no mapping`);
  }

  /**
   * The mapping at a key, made when there is none.
   * @throws MultipassError SEED_INVALID when something else is there
   */
  ensureMapping(key: string): SeedMapping {
    const found = this.mapping(key);
    if (found !== null) return found;
    this.set(key, {});
    return this.ensureMapping(key);
  }

  /**
   * Sets a key to plain data, as {@link toYaml} writes it; a string keeps the comment beside it.
   * @param after the key that a new one comes behind; by default, and when there is no such key, the last one
   */
  set(key: string, value: unknown, after?: string): void {
    const { items } = this.map;
    const old = this.map.get(key, true);
    if (isScalar(old) && typeof value === 'string') {
      writeScalar(old, value);
    } else if (this.map.has(key)) {
      this.map.set(key, nodeOf(value));
    } else {
      // A pair of braces around nothing is no style that somebody chose.
      if (items.length === 0) this.map.flow = false;
      const before = items.findIndex((item) => isScalar(item.key) && item.key.value === after);
      const place = before < 0 ? items.length : before + 1;
      items.splice(place, 0, new Pair(nodeOf(key), nodeOf(value)));
    }
  }

  delete(key: string): void {
    this.map.delete(key);
  }

  private itemsOf(key: string): unknown[] {
    const list = this.map.get(key, true);
    return isSeq(list) ? list.items : [];
  }
}

function readDocument(text: string, path: string): Document {
  try {
    return parseGuestYaml(text);
  } catch (error) {
    throw invalid(path, (error as Error).message, error);
  }
}

function invalid(path: string, problem: string, cause?: unknown): MultipassError {
  return new MultipassError('SEED_INVALID', `cannot read "${path}": ${problem}`, {
    hint: 'Repair that file of the cloud-init seed; nothing was changed.',
    details: { path },
    cause,
  });
}
