import { constructPyYaml } from './construct.js';
import type { PyNode } from './node.js';
import { parsePyYaml } from './parser.js';

/** What PyYAML's reader lets through, comments included. */
const REFUSED = /[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;

/**
 * Finds out whether PyYAML, by which cloud-init reads, takes a text: where it does not, cloud-init drops all of it
 * without a word. Its verdict is that of `yaml.safe_load` of PyYAML 6, but for collections that are deeper in each
 * other than 400, and merges that bring more than 100,000 pairs, which are refused here.
 * @returns what it has read; null for a text without a document
 * @throws Error whose message says what is wrong, with line and column
 */
export function checkPyYaml(text: string): PyNode | null {
  const bad = REFUSED.exec(text);
  if (bad !== null) {
    const code = (bad[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    throw new Error(`the character U+${code} is not allowed in YAML ${placeOf(text, bad.index)}`);
  }
  const root = parsePyYaml(text);
  if (root !== null) constructPyYaml(root);
  return root;
}

/** Where an offset of a text is, in words. */
export function placeOf(text: string, offset: number): string {
  const lines = text.slice(0, offset).split(/\r\n|[\r\n\x85\u2028\u2029]/);
  return `at line ${lines.length}, column ${Array.from(lines.at(-1) ?? '').length + 1}`;
}
