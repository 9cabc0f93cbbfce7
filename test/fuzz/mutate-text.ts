import type { Random } from './random.js';

/** What texts are made of, by what they are. */
export type TextKind = 'yaml' | 'xml' | 'lines';

const PIECES: Readonly<Record<TextKind, readonly string[]>> = {
  yaml: [
    ...[
      '&a ',
      '*a',
      '<<: *a\n',
      '!!binary ',
      '!!python/object:os.system ',
      '? ',
      ': ',
      '- ',
      '|\n',
    ],
    ...['>-\n', '---\n', '...\n', '%YAML 1.1\n', '%TAG ! x\n', '\t', '\u2028', '\u0085', '# ', '"'],
    ...["'", '[', ']', '{', '}', ', ', '~', 'yes', '0x1F', '52:54:00:12:34:56', '__proto__: x\n'],
    ...[
      'constructor: {}\n',
      '\r\n',
      '\r',
      '  ',
      '\n',
      '@',
      '`',
      '!<a>',
      '\\',
      '\ufeff',
      '\0',
      '1_000',
    ],
    ...['=', '<<: [*a, *a]\n', '? [a]\n', '&a [*a]', 'toString', '\u{1f600}', '|2-\n', '>+9\n'],
  ],
  xml: [
    ...[
      '<',
      '>',
      '</',
      '/>',
      '<!--',
      '-->',
      '<![CDATA[',
      ']]>',
      '<?xml version="1.0"?>',
      '<?',
      '?>',
    ],
    ...[
      '<!DOCTYPE a [<!ENTITY b "c">]>',
      '&amp;',
      '&#0;',
      '&#xD800;',
      '&#x10FFFF;',
      '&b;',
      '&',
      ';',
    ],
    ...[
      '"',
      "'",
      '=',
      ' a="b"',
      ' xmlns:a="b"',
      'a:',
      '\0',
      '\ufeff',
      '\ufffe',
      '<a>',
      '</a>',
      '\n',
    ],
    ...[
      '__proto__',
      'constructor',
      ' ',
      '\t',
      ']]',
      '../',
      '/etc/passwd',
      '-1',
      '99999999999999999',
    ],
  ],
  lines: [
    ...[
      '\n',
      '\r\n',
      '\r',
      ' ',
      '\t',
      '\0',
      '"',
      '\\',
      '=',
      ',',
      ';',
      ':',
      '/',
      '..',
      '../',
      '@',
      '#',
    ],
    ...[
      '-',
      '--',
      '0',
      '-1',
      '4294967296',
      '99999999999999999999',
      '__proto__',
      'constructor',
      '%00',
    ],
    ...[
      '\ud800',
      'ä',
      '\u{1f600}',
      '\u2028',
      '\ufeff',
      '::',
      '::1',
      '0.0.0.0',
      '[',
      ']',
      '{',
      '}',
      '*',
    ],
    ...[
      'NaN',
      'Infinity',
      '1e9',
      '0x10',
      '٣',
      '\u00a0',
      '(',
      ')',
      '|',
      '?',
      '+',
      '$',
      '^',
      'http://',
    ],
  ],
};

const TOKEN = /\w+|\s+|[^\w\s]/gu;

/** Changes a text by its words, its lines and what is written between them. */
export function mutateText(
  input: Buffer,
  random: Random,
  { kind, words }: { readonly kind: TextKind; readonly words: readonly string[] },
): Buffer {
  const text = input.toString('utf8');
  const pieces = PIECES[kind];
  const piece = words.length > 0 && random.chance(0.2) ? random.pick(words) : random.pick(pieces);
  return Buffer.from(
    random.chance(0.4) ? changeLine(text, random, piece) : changeToken(text, random, piece),
  );
}

function changeToken(text: string, random: Random, piece: string): string {
  const tokens = text.match(TOKEN) ?? [];
  if (tokens.length === 0) return piece;
  const at = random.below(tokens.length);
  const token = tokens[at] ?? '';
  const end = Math.min(tokens.length, at + 1 + random.small(12));
  switch (random.below(7)) {
    case 0:
      tokens.splice(at, end - at);
      break;
    case 1:
      tokens[at] = piece;
      break;
    case 2:
      tokens.splice(at, 0, piece);
      break;
    case 3:
      tokens.splice(at, 0, ...tokens.slice(at, end));
      break;
    case 4:
      tokens[at] = random.pick(tokens);
      break;
    case 5:
      tokens[at] = token.repeat(random.pick([2, 3, 70, 1100]));
      break;
    default:
      tokens.splice(at, 0, piece.repeat(random.pick([2, 70, 400, 3000])));
  }
  return tokens.join('');
}

function changeLine(text: string, random: Random, piece: string): string {
  const lines = text.split('\n');
  const at = random.below(lines.length);
  const line = lines[at] ?? '';
  switch (random.below(8)) {
    case 0:
      lines.splice(at, 1 + random.small(4));
      break;
    case 1:
      lines.splice(at, 0, line);
      break;
    case 2:
      lines.splice(at, 0, random.pick(lines));
      break;
    case 3:
      lines[at] = ' '.repeat(1 + random.small(8)) + line;
      break;
    case 4:
      lines[at] = line.replace(/^ {1,2}/, '');
      break;
    case 5:
      lines[at] = piece + line;
      break;
    case 6:
      lines[at] = line + piece;
      break;
    default:
      lines.splice(at, 0, ...Array.from({ length: random.pick([2, 100, 1500]) }, () => line));
  }
  return lines.join('\n');
}
