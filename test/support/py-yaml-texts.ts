import fc from 'fast-check';

/** What YAML is made of, and what a reader may trip over. */
const PIECES = [
  ...[
    'a',
    'b',
    'key',
    'x y',
    '0',
    '1',
    '-1',
    '~',
    'null',
    'yes',
    '=',
    '<<',
    '2001-01-01',
    '2001-02-30',
    '1:20',
    '.5',
    '1e3',
    '0x_',
  ],
  ...[
    ': ',
    ':',
    ':\t',
    ' :',
    ', ',
    ',',
    '- ',
    '-',
    '-\t',
    '? ',
    '?',
    '[',
    ']',
    '{',
    '}',
    '{{ x }}',
    '[]',
    '{}',
  ],
  ...[
    '"',
    "'",
    '""',
    "''",
    '"a"',
    "'b'",
    '"\\',
    '\\x41',
    '\\',
    '|',
    '>',
    '|-',
    '>+',
    '|2',
    '|0',
    '>1-',
  ],
  ...[
    '&a ',
    '*a',
    '*a ',
    '&b ',
    '*b',
    '!',
    '! ',
    '!!',
    '!!int ',
    '!!str ',
    '!!map ',
    '!!seq ',
    '!!set ',
    '!!omap ',
    '!!pairs ',
  ],
  ...[
    '!!binary ',
    '!!timestamp ',
    '!!null ',
    '!!bool ',
    '!!float ',
    '!x ',
    '!<tag:yaml.org,2002:int> ',
    '!<',
    '!a%41 ',
    '!e!x ',
  ],
  ...[
    '#',
    ' #',
    '# c',
    '%',
    '%YAML 1.1',
    '%YAML 2.0',
    '%TAG !e! tag:yaml.org,2002:',
    '@',
    '`',
    '---',
    '--- ',
    '...',
    '--',
  ],
  ...[
    ' ',
    '  ',
    '    ',
    '\t',
    '\n',
    '\n',
    '\n',
    '\n  ',
    '\n    ',
    '\n- ',
    '\n  - ',
    '\n\n',
    '\r\n',
    '\x85',
    '\u2028',
    '\ufeff',
  ],
  ...[
    '\x07',
    '\u00e4',
    '\u{1f600}',
    '\uffff',
    'a: ',
    'b: ',
    'a: 1\n',
    'b:\n  ',
    '- a\n',
    'k: [1, 2]\n',
    'k: {a: 1}\n',
    '<<: *a\n',
  ],
];

/** Values for explicit tags, good and bad. */
const VALUES = fc.oneof(
  fc.stringMatching(/^[-+]?[0-9_:.eExXoObB]{0,8}$/),
  fc.stringMatching(
    /^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ][0-9]{1,2}:[0-9]{2}:[0-9]{2}(\.[0-9]*)?( ?(Z|[-+][0-9]{1,2}(:[0-9]{2})?))?)?$/,
  ),
  fc.stringMatching(/^[A-Za-z0-9+/= ]{0,9}$/),
  fc.constantFrom(
    '',
    ' 1',
    '1 ',
    'x1',
    '.inf',
    '-.INF',
    '.nan',
    'inf',
    'NaN',
    'Yes',
    'oN',
    'y',
    '٣',
    '\xa01',
    '0o7',
    '0b',
    '--1',
    '1__0',
    '[1]',
    '{=: 1}',
    '{a: b}',
    '{=: {=: 2}}',
    '{=: [1]}',
  ),
);

const TAGS = fc.constantFrom(
  '',
  '!',
  '!!int',
  '!!float',
  '!!bool',
  '!!null',
  '!!str',
  '!!timestamp',
  '!!binary',
  '!!seq',
  '!!map',
  '!!set',
  '!!omap',
  '!!pairs',
  '!!merge',
  '!!value',
  '!x',
  '!<tag:yaml.org,2002:int>',
);

const tagged = fc
  .record({ tag: TAGS, value: VALUES, quote: fc.constantFrom('', '', '"', "'", '|\n    ') })
  .map(({ tag, value, quote }) => {
    const end = quote.length === 1 ? quote : '';
    return `a: ${tag} ${quote}${value}${end}\n`;
  });

/** Texts of which many are YAML, and many nearly. */
export function yamlTexts(corpus: readonly string[]): fc.Arbitrary<string> {
  const pieces = fc.array(fc.constantFrom(...PIECES), { maxLength: 14 }).map((all) => all.join(''));
  const lines = fc
    .array(
      fc.tuple(
        fc.constantFrom('', '', '  ', '    ', ' ', '\t', '- ', '  - '),
        fc.constantFrom(
          'a: ',
          'b: ',
          'c: ',
          '? ',
          ': ',
          '',
          '"q": ',
          '&a k: ',
          '*a : ',
          '<<: ',
          '=: ',
        ),
        fc.constantFrom(...PIECES),
        fc.constantFrom('', '', '', ...PIECES),
      ),
      { maxLength: 7 },
    )
    .map((all) => all.map((parts) => parts.join('')).join('\n'));
  const changed = fc
    .record({
      text: fc.constantFrom(...corpus),
      changes: fc.array(
        fc.record({
          at: fc.double({ min: 0, max: 1, noNaN: true }),
          drop: fc.nat(4),
          piece: fc.constantFrom('', ...PIECES),
        }),
        { minLength: 1, maxLength: 3 },
      ),
    })
    .map(({ text, changes }) =>
      changes.reduce((made, { at, drop, piece }) => {
        const place = Math.floor(at * made.length);
        return made.slice(0, place) + piece + made.slice(place + drop);
      }, text),
    );
  return fc.oneof(pieces, lines, changed, tagged);
}
