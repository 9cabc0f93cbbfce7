import { isMap, isScalar, isSeq, visit, type Document } from '../../yaml.js';

/** What PyYAML's reader lets through, comments included. */
const REFUSED = /[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

/** The tags that PyYAML's `safe_load` makes something of. */
const TAGS = new Set(
  'bool binary float int map null omap pairs seq set str timestamp'
    .split(' ')
    .map((name) => `tag:yaml.org,2002:${name}`),
);

/**
 * Finds characters, tags and keys for which PyYAML, cloud-init's reader, refuses a text, and cloud-init then drops all
 * of it without a word: control characters, tags that `safe_load` does not know, and collections as keys, such as an
 * unquoted `{{ name }}`. It does not find everything that PyYAML refuses.
 * @throws Error whose message names line and column
 */
export function checkGuestYaml(document: Document, text: string): void {
  const bad = REFUSED.exec(text);
  if (bad !== null) {
    const code = (bad[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    throw new Error(`the character U+${code} is not allowed in YAML ${placeOf(text, bad.index)}`);
  }
  visit(document, {
    Node: (_, node) => {
      if (!isScalar(node) && !isMap(node) && !isSeq(node)) return;
      const { tag } = node;
      if (tag === undefined || tag === '!' || TAGS.has(tag)) return;
      throw new Error(
        `the tag "${tag}" is unknown to cloud-init ${placeOf(text, node.range?.[0])}`,
      );
    },
    Pair: (_, { key }) => {
      if (!isMap(key) && !isSeq(key)) return;
      const place = placeOf(text, key.range?.[0]);
      throw new Error(
        `a mapping or list cannot be a key (is there a "{{" without quotes?) ${place}`,
      );
    },
  });
}

/** Where an offset of a text is, in words. */
export function placeOf(text: string, offset = 0): string {
  const lines = text.slice(0, offset).split('\n');
  return `at line ${lines.length}, column ${(lines.at(-1) ?? '').length + 1}`;
}
