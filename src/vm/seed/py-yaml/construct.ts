import { refused } from './cursor.js';
import { YAML_TAG, type PyMapping, type PyNode } from './node.js';
import { IS_VALUE } from './scalar-values.js';

/** Pairs that merges may bring in all: far beyond any seed, far below what hurts. */
const MOST_MERGED = 100_000;

const SCALARS = ['null', 'bool', 'int', 'float', 'binary', 'timestamp', 'str'];
const COLLECTIONS = ['seq', 'map', 'set', 'omap', 'pairs'];

/**
 * Does what PyYAML's `safe_load` does to make values of what it has read, and keeps none: it is about what it refuses.
 * In its order, which matters where a `=` is a key in one place and a value in another.
 * @throws Error naming the place of what PyYAML refuses
 */
export function constructPyYaml(root: PyNode): void {
  new Constructor().construct(root);
}

class Constructor {
  /** Whether what became of a node can be a key. */
  readonly #made = new Map<PyNode, boolean>();
  readonly #waiting: PyNode[] = [];
  #merged = 0;

  construct(root: PyNode): void {
    this.#object(root);
    // It grows meanwhile.
    for (const node of this.#waiting) this.#fill(node);
  }

  /** @returns whether it can be a key */
  #object(node: PyNode): boolean {
    const known = this.#made.get(node);
    if (known !== undefined) return known;
    const name = node.tag.startsWith(YAML_TAG) ? node.tag.slice(YAML_TAG.length) : '';
    const isScalar = SCALARS.includes(name);
    if (isScalar) this.#scalar(node, name);
    else if (COLLECTIONS.includes(name)) this.#waiting.push(node);
    else throw refused(unknownTag(node.tag), node.mark);
    this.#made.set(node, isScalar);
    return isScalar;
  }

  #scalar(node: PyNode, name: string): void {
    const text = textOf(node);
    const isValue = IS_VALUE.get(name);
    // A date is read once more from the node itself.
    const isText = node.kind === 'scalar' || name !== 'timestamp';
    if (text === null || !isText) throw refused(`${named(node)} is no ${name}`, node.mark);
    if (isValue?.(text) === false) {
      throw refused(`${JSON.stringify(text.slice(0, 60))} is no ${name} that there is`, node.mark);
    }
  }

  #fill(node: PyNode): void {
    const name = node.tag.slice(YAML_TAG.length);
    if (name === 'map' || name === 'set') this.#mapping(node);
    else if (node.kind !== 'list') throw refused(`${named(node)} is no list`, node.mark);
    else if (name === 'seq') for (const item of node.items) this.#object(item);
    else for (const item of node.items) this.#single(item);
  }

  #mapping(node: PyNode): void {
    if (node.kind !== 'mapping') throw refused(`${named(node)} is no mapping`, node.mark);
    this.#merge(node);
    for (const [key, value] of node.pairs) {
      if (!this.#object(key)) {
        throw refused(
          'a mapping or list cannot be a key (is there a "{{" without quotes?)',
          key.mark,
        );
      }
      this.#object(value);
    }
  }

  /** An item of an ordered map. */
  #single(item: PyNode): void {
    const [pair, ...more] = item.kind === 'mapping' ? item.pairs : [];
    if (pair === undefined || more.length > 0) {
      throw refused(`${named(item)} is no mapping of one key`, item.mark);
    }
    this.#object(pair[0]);
    this.#object(pair[1]);
  }

  #merge(node: PyMapping): void {
    const isMerge = ([key]: PyMapping['pairs'][0]): boolean => key.tag === `${YAML_TAG}merge`;
    const merges = node.pairs.filter(isMerge);
    for (const [key] of node.pairs) {
      if (key.tag === `${YAML_TAG}value`) key.tag = `${YAML_TAG}str`;
    }
    if (merges.length === 0) return;
    // First of all, so that one that merges itself comes to an end.
    node.pairs = node.pairs.filter((pair) => !isMerge(pair));
    const brought = merges.flatMap(([, value]) => this.#broughtBy(value));
    this.#merged += brought.length;
    if (this.#merged > MOST_MERGED) throw refused('its merges bring too much', node.mark);
    node.pairs = [...brought, ...node.pairs];
  }

  #broughtBy(value: PyNode): PyMapping['pairs'] {
    const sources = value.kind === 'list' ? value.items : [value];
    const brought = sources.map((source) => {
      if (source.kind !== 'mapping') {
        throw refused(`"<<" wants a mapping or a list of them, not ${named(source)}`, source.mark);
      }
      this.#merge(source);
      return source.pairs;
    });
    return brought.reverse().flat();
  }
}

/** The text that a scalar is made of; a mapping that has the key `=` stands for the value of that. */
function textOf(node: PyNode): string | null {
  if (node.kind === 'scalar') return node.text;
  if (node.kind === 'list') return null;
  const [, value] = node.pairs.find(([key]) => key.tag === `${YAML_TAG}value`) ?? [];
  return value === undefined ? null : textOf(value);
}

function named(node: PyNode): string {
  return { scalar: 'a text', list: 'a list', mapping: 'a mapping' }[node.kind];
}

function unknownTag(tag: string): string {
  const name = tag.startsWith(YAML_TAG) ? tag.slice(YAML_TAG.length) : '';
  if (name === 'value') return 'a "=" without quotes cannot be a value';
  if (name === 'merge') return 'a "<<" without quotes cannot be a value';
  return `the tag "${tag}" is unknown to cloud-init`;
}
