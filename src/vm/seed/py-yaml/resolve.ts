import { YAML_TAG } from './node.js';

/*
 * What a plain scalar is by its looks, with the patterns of PyYAML 5 and 6. An end of line at its end, which a quoted
 * one behind `!` may have, is passed over.
 */
const PATTERNS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['bool', whole('yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF')],
  [
    'float',
    whole(
      String.raw`[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?`,
      String.raw`\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?`,
      String.raw`[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*`,
      String.raw`[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)`,
    ),
  ],
  [
    'int',
    whole(
      '[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+',
      '[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+',
    ),
  ],
  ['merge', whole('<<')],
  ['null', /^(?:(?:~|null|Null|NULL)\n?)?$/],
  [
    'timestamp',
    whole(
      '[0-9]{4}-[0-9]{2}-[0-9]{2}',
      String.raw`[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?` +
        String.raw`(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?`,
    ),
  ],
  ['value', whole('=')],
  ['yaml', whole('[!&*]')],
];

function whole(...alternatives: readonly string[]): RegExp {
  return new RegExp(`^(?:${alternatives.join('|')})\n?$`);
}

/** The tag of a scalar that has none of its own, and no quotes. */
export function resolvedTag(text: string): string {
  const [name] = PATTERNS.find(([, pattern]) => pattern.test(text)) ?? ['str'];
  return YAML_TAG + name;
}
