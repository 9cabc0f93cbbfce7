import { isMap, isScalar, isSeq, type Document } from '../../yaml.js';

/** A document as plain data, in which every scalar is a text; a key that is no text is left out. */
export function plainYaml(document: Document): unknown {
  return plain(document.contents);
}

function plain(node: unknown): unknown {
  if (isScalar(node)) return typeof node.value === 'string' ? node.value : null;
  if (isSeq(node)) return node.items.map(plain);
  if (!isMap(node)) return null;
  // Without a prototype, for a key may be called like anything.
  const found = Object.create(null) as Record<string, unknown>;
  for (const { key, value } of node.items) {
    if (isScalar(key) && typeof key.value === 'string') found[key.value] = plain(value);
  }
  return found;
}

/** A mapping; anything else counts as an empty one. */
export function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}

/** A text in a mapping; null for anything else. */
export function textIn(mapping: Readonly<Record<string, unknown>>, key: string): string | null {
  const value = Object.hasOwn(mapping, key) ? mapping[key] : null;
  return typeof value === 'string' && value !== '' ? value.slice(0, 255) : null;
}
