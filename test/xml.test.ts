import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elementAt, escapeXml, readXml, type XmlElement } from '../src/xml.js';

interface Tree {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly text: string;
  readonly children: readonly Tree[];
}

const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_-]{0,8}$/);
const text = fc
  .string({ unit: 'grapheme', maxLength: 12 })
  // eslint-disable-next-line no-control-regex -- these are what no XML has
  .filter((value) => !/[\0-\x08\x0b-\x1f\ufffe\uffff]/.test(value));
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.record({
    ...{ name, text, attributes: fc.dictionary(name, text, { noNullPrototype: true }) },
    children: fc.oneof({ maxDepth: 4 }, fc.constant([]), fc.array(tie('tree'), { maxLength: 3 })),
  }),
}));

function written({ name: tag, attributes, text: body, children }: Tree): string {
  const pairs = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeXml(value)}"`);
  return `<${tag}${pairs.join('')}>${escapeXml(body)}${children.map(written).join('')}</${tag}>`;
}

function plain({ name: tag, attributes, text: body, children }: XmlElement): Tree {
  const pairs = Object.fromEntries(attributes);
  return { name: tag, attributes: pairs, text: body, children: children.map(plain) };
}

describe('XML', () => {
  it('comes back as it was written', () => {
    fc.assert(
      fc.property(tree, (one) => {
        expect(plain(readXml(written(one)))).toEqual(one);
      }),
    );
  });

  it('has comments, CDATA, instructions, prefixes and characters by number', () => {
    const root = readXml(
      `\ufeff<?xml version="1.0"?><!-- <x> --><a:b xmlns:a="u" a:k='1 > 0'><?p x?><c><![CDATA[<&]]>&#65;&#x42;</c></a:b>\n`,
    );
    expect(root.name).toBe('b');
    expect(root.attributes.get('k')).toBe('1 > 0');
    expect(elementAt(root, 'c')?.text).toBe('<&AB');
  });

  it('is refused with a line where it is none, or could grow', () => {
    for (const [bad, problem] of [
      ['<a>', 'cut off in <a>'],
      ['<a></b>', 'closes nothing (line 1)'],
      ['<a/><b/>', 'two elements'],
      ['text', 'text outside'],
      ['', 'no element'],
      ['<a>\n&x;</a>', '"&x;" stands for nothing (line 2)'],
      ['<a>&#0;</a>', 'stands for nothing'],
      ['<!DOCTYPE a []><a/>', 'DOCTYPE'],
      ['<a b=c/>', 'has no value'],
      ['<a b="<"/>', 'has a "<"'],
      ['<a>\0</a>', 'no XML has'],
      ['<a>'.repeat(65), 'levels deep'],
      [`<a>${'<b/>'.repeat(20_001)}</a>`, 'too many elements'],
      [`<a>${' '.repeat(1024 ** 2)}</a>`, 'too long'],
    ] as const) {
      expect(() => readXml(bad), bad.slice(0, 40)).toThrow(problem);
    }
  });
});
