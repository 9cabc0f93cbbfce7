import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { formatYaml } from '../../../src/cli/format/yaml-emitter.js';
import type { PlainData } from '../../../src/cli/format/plain-data.js';
import { readYaml } from '../../support/read-yaml.js';

/** All characters, and those that numbers, dates and special words are made of. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom(...Array.from('0123456789._-+:eExobyYNn TtZ/')) }),
);

describe('formatYaml', () => {
  it('writes lists and maps in block style', () => {
    expect(
      formatYaml({ web: [{ state: 'Running', ipv4: ['10.0.7.21'], sizes: { used: 1 } }] }),
    ).toBe(
      `web:
  - state: Running
    ipv4:
      - 10.0.7.21
    sizes:
      used: 1
`,
    );
  });

  it('writes null as a tilde, and what is empty on a line of its own', () => {
    expect(formatYaml({ errors: [null], a: null, b: [], c: [{ d: [] }], e: {} })).toBe(
      `errors:
  - ~
a: ~
b:
  []
c:
  - d:
      []
e:
  {}
`,
    );
  });

  it.each(['Ubuntu 24.04 LTS', '10.0.7.21', '/srv/my data', '1797c5c82016c1e6', 'a-b', '0.1.0'])(
    'leaves %s bare',
    (text) => {
      expect(formatYaml({ key: text })).toBe(`key: ${text}\n`);
    },
  );

  it('keeps text that looks like something else for readers of YAML 1.1 and 1.2', () => {
    const texts = [
      ...['', ' ', 'a ', ' a', 'yes', 'No', 'y', 'null', '~', 'True', '12', '1_000', '18.04'],
      ...[
        '1e3',
        '0x1f',
        '0o17',
        '0b1',
        '1000:501',
        '10:20',
        '2026-01-02',
        '-',
        '- a',
        'a: b',
        'a:',
      ],
      ...['a #b', '#', '@', '`', '&a', '*a', '!a', '|', '>', '%', '{}', '[]', '"', "'", 'a\nb'],
      ...['tab\t', '.inf', '<<', '=', '...', '---', '\u0085', '\u2028', '\ufeff', '\u007f', 'é'],
      ...['😀', 'a\\b', '\u0000', '?', ',', '+1', '1.'],
    ];
    const value = { list: texts, map: Object.fromEntries(texts.map((text) => [text, text])) };
    expect(parse(formatYaml(value))).toEqual(value);
    expect(readYaml(formatYaml(value))).toEqual(value);
  });

  it('keeps any text for a reader of YAML 1.2', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(parse(formatYaml({ [text]: text }))).toEqual({ [text]: text });
      }),
      { numRuns: 1000 },
    );
  });

  it('keeps any text for a reader of YAML 1.1', () => {
    fc.assert(
      fc.property(fc.array(anyText, { minLength: 300, maxLength: 500 }), (texts) => {
        expect(readYaml(formatYaml(texts))).toEqual(texts);
      }),
      { numRuns: 1, endOnFailure: true },
    );
  });

  it('keeps the structure of nested data', () => {
    const { data } = fc.letrec<{ data: PlainData }>((tie) => ({
      data: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        fc.oneof(fc.integer(), fc.boolean(), fc.constant(null), fc.constantFrom('a', 'no', '1')),
        fc.array(tie('data'), { maxLength: 4 }),
        fc.dictionary(fc.constantFrom('a', 'b c', 'no', '1'), tie('data'), {
          noNullPrototype: true,
        }),
      ),
    }));
    fc.assert(
      fc.property(data, (value) => {
        expect(parse(formatYaml(value))).toEqual(value);
      }),
    );
  });
});
