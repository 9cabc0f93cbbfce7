import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { guestYamlText, parseGuestYaml, repeatedKeys, toYaml } from '../src/yaml.js';
import { pyYaml } from './support/py-yaml.js';

const rewritten = (text: string): string => guestYamlText(parseGuestYaml(text));

describe('toYaml', () => {
  it('quotes what YAML 1.1 takes for something else than a string', async () => {
    const words = ['no', 'on', 'null', '~', 'y', '52:54:00:12:34:56', '014', '1_000', '=', '<<'];
    const text = toYaml({ words });
    for (const word of words) expect(text).toContain(`- "${word}"`);
    expect(await pyYaml(text)).toEqual({ words });
  });

  it('writes plain block style, leaving out what is undefined', () => {
    expect(
      toYaml({ name: 'web-2', cpus: 2, on: true, none: null, gone: undefined, list: ['a'] }),
    ).toBe('name: web-2\ncpus: 2\n"on": true\nnone: ~\nlist:\n  - a\n');
  });

  it('keeps long text on one line, and several lines in one string', async () => {
    const long = 'word '.repeat(60).trim();
    const text = toYaml({ long, lines: '# a\n  b: c\n\n' });
    expect(text).toContain(`long: ${long}\n`);
    expect(await pyYaml(text)).toEqual({ long, lines: '# a\n  b: c\n\n' });
  });

  it('refuses what is no plain data', () => {
    expect(() => toYaml({ when: () => 1 })).toThrow('a function cannot be written as YAML');
  });

  it('is read by PyYAML as what was written, whatever the strings are', async () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'grapheme' }),
      fc.stringMatching(/^[-+.0-9:_eExXoabynt~= ]{1,12}$/),
      fc.constantFrom(
        '\x7f',
        '\x85',
        'a\u2028b',
        'a\tb',
        '\ufeff',
        '\ufffe',
        '\u{1f600}',
        '\0',
        '%a',
        '---',
      ),
    );
    const data = fc.dictionary(
      text,
      fc.oneof(text, fc.integer(), fc.boolean(), fc.array(text, { maxLength: 3 })),
      { maxKeys: 3 },
    );
    await fc.assert(
      fc.asyncProperty(data, async (value) => {
        // A plain object cannot have a key of that name.
        const plain = JSON.parse(JSON.stringify(value).replaceAll('__proto__', 'proto')) as object;
        expect(await pyYaml(toYaml(plain))).toEqual(plain);
      }),
      { numRuns: 200 },
    );
  });
});

describe('parseGuestYaml', () => {
  it('writes every untouched scalar, comment and collection style as it was', () => {
    const text = [
      '#cloud-config',
      '# first',
      'version: 2 # why',
      'octal: 014',
      'hex: 0xFF',
      'float: 1.50',
      'yes: off',
      'nothing: ~',
      'day: 2001-01-01',
      'mac: 52:54:00:12:34:56',
      "single: 'it''s'",
      'double: "\\x7f\\u0041\\/"',
      'tagged: !!int "3"',
      'flow: { a: [ "10.0.0.1/24", 10.1.1.1/8 ], b: yes }',
      'block: |',
      '  a',
      '    b',
      'list:',
      '  # second',
      '  - a',
      '',
      '  - b',
      '',
    ].join('\n');
    expect(rewritten(text)).toBe(text);
  });

  it('means the same to PyYAML when a string over several lines is folded anew', async () => {
    const text = 'a:\n      "one\n\n      two\n      three\\x7f"\nb: one\n  two\nc: >-\n  x\n  y\n';
    expect(await pyYaml(rewritten(text))).toEqual(await pyYaml(text));
  });

  it('reads what follows a %YAML 1.1 directive without converting it either', () => {
    expect(rewritten('%YAML 1.1\n---\na: 52:54:00:12:34:56\nb: 0777\n')).toBe(
      '%YAML 1.1\n---\na: 52:54:00:12:34:56\nb: 0777\n',
    );
  });

  it('writes out anchors, aliases and merge keys with the meaning that PyYAML gives them', async () => {
    const text = [
      'base: &base { dhcp4: yes, match: &match { macaddress: "aa" } }',
      'more: &more { dhcp4: no, extra: &x [1, 2] }',
      'eth0: { <<: [*base, *more], optional: true }',
      'eth1:',
      '  <<: *more',
      '  dhcp4: own',
      '  again: *x',
      'z: { <<: { <<: *base } }',
      '"<<": quoted',
      '',
    ].join('\n');
    const result = rewritten(text);
    expect(result).not.toMatch(/[&*]\w/);
    expect(await pyYaml(result)).toEqual(await pyYaml(text));
  });

  it.each([
    ['a: 1\na: 2\n', ['a']],
    ['a: 1\nb: { x: 1, y: 2, "x": 3 }\na: [4]\n', ['x', 'a']],
    ['a: &a { k: 1, k: 2 }\nb: *a\nc: { <<: *a, l: 1, l: 2 }\n', ['k', 'l']],
    ['b: &a { x: 1 }\nb: { <<: *a, y: 2 }\n', ['b']],
    ['x: &x { p: 1, q: 2 }\ny: &y { p: 3 }\nz: { <<: *x, <<: *y }\n', []],
    ["1: a\n'1': b\nlist: [ { k: 1, l: 1, k: ~ } ]\n", ['k']],
    ['on: a\n"on": b\non: c\n', ['on']],
  ])('lets the last of equal keys count, as PyYAML does, and names it: %j', async (text, keys) => {
    const document = parseGuestYaml(text);
    expect(repeatedKeys(document).map(({ key }) => key)).toEqual(keys);
    expect(await pyYaml(guestYamlText(document))).toEqual(await pyYaml(text));
  });

  it('says in one line where broken YAML is broken', () => {
    expect(() => parseGuestYaml('a: 1\nb: [1\n')).toThrow(/^Flow sequence.* at line 3, column 1$/);
    expect(() => parseGuestYaml('--- a\n--- b\n')).toThrow(/multiple documents/);
  });

  it('refuses an alias inside of its own anchor, and aliases that grow without bounds', () => {
    expect(() => parseGuestYaml('a: &a [*a]\n')).toThrow(/the alias \*a/);
    const bomb = Array.from({ length: 40 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}, *a${n}]`);
    expect(() => parseGuestYaml(['a0: &a0 x', ...bomb].join('\n'))).toThrow(/too much/);
  });
});
