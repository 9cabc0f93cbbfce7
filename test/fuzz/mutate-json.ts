import fc from 'fast-check';
import type { Random } from './random.js';

/** Keys that have a meaning in JavaScript, in paths and in other languages. */
const KEYS = [
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', 'length'],
  ...['toJSON', 'then', '', ' ', '0', '-1', '..', '../x', '/etc/passwd', '\0', '\ud800', '~1/~0'],
];

const VALUES: readonly unknown[] = [
  ...[null, true, false, 0, -0, -1, 1, 0.5, 1e-7, 255, 65_536, 2 ** 31, 2 ** 32, 2 ** 53],
  ...[2 ** 63, 1e21, 1e308, -1e308, '', ' ', '0', '-1', '1e9', 'NaN', 'Infinity', 'null', 'true'],
  ...['..', '../../etc/passwd', '/etc/passwd', '/', '.', '\0', 'a\nb', '\ud800', '\udfff\ud800'],
  ...[
    '\u2028',
    '\ufeff',
    '-x',
    '--option',
    '%s%n',
    '$(id)',
    "'",
    '"',
    'ä',
    '\u{1f600}',
    '😀'.repeat(99),
  ],
  ...['x'.repeat(300), 'x'.repeat(70_000), '1'.repeat(400), '=', ',,', 'a=b,c', '__proto__'],
  ...['52:54:00:00:00:01', '10.0.0.1', '::1', '0.0.0.0/0', '2026-11-30T00:00:00.000Z', '1G', '-1G'],
  ...[[], {}, [[]], [null], [{}], { '': '' }],
];

/** How JSON is written that JavaScript would not write. */
const TOKENS: readonly (readonly [RegExp, readonly string[]])[] = [
  [
    /-?\d+(?:\.\d+)?/,
    ['1e400', '-1e400', '-0', '1E+2', '00', '1.', '9'.repeat(400), '0x10', '+1', 'NaN'],
  ],
  [/"[^"\\]*"/, ['"\\u0000"', '"\\ud800"', '"\\x"', '"', "'a'", '"\\u00"', '"\t"', '"__proto__"']],
  [/[{[]/, ['{{', '[[', '{"a":{"a":', '['.repeat(100), '{"a":'.repeat(100), '[,', '{,']],
  [/[}\]]/, ['}}', ']]', '', ',}', ',]', '} {', '}]', '\u0000']],
  [/,/, [',,', ' ', ',"__proto__":{"polluted":1},', ',"a":1,"a":2,', ';', ',\n//\n', ',/**/']],
];

/**
 * Changes JSON where it has a meaning: keys, values and how they are written. What is no JSON is changed as text.
 * @returns undefined where there is nothing of that kind in it
 */
export function mutateJson(
  input: Buffer,
  random: Random,
  words: readonly string[],
): Buffer | undefined {
  const text = input.toString('utf8');
  if (random.chance(0.15)) return replaceToken(text, random);
  let root: unknown;
  try {
    root = JSON.parse(text);
  } catch {
    return replaceToken(text, random);
  }
  const holder = { root };
  for (let times = 1 + random.small(2); times > 0; times -= 1) changeOne(holder, random, words);
  return Buffer.from(JSON.stringify(holder.root));
}

/** More of what JSON can hold, which is the same for the same seed. */
export function someJson(seed: number, count: number): Buffer[] {
  const key = fc.oneof(fc.string({ maxLength: 8 }), fc.constantFrom(...KEYS));
  const value = fc.oneof({ maxDepth: 3 }, fc.jsonValue(), fc.dictionary(key, fc.jsonValue()));
  return fc.sample(value, { seed, numRuns: count }).map((one) => Buffer.from(JSON.stringify(one)));
}

/** Of a list of many, in characters. */
const LONGEST = 100_000;

type Container = Record<string, unknown>;

function changeOne(holder: Container, random: Random, words: readonly string[]): void {
  const places: (readonly [Container, string])[] = [];
  collect(holder, places, 0);
  const [parent, key] = random.pick(places);
  const isRoot = parent === holder;
  const choice = random.below(8);
  if (choice === 0 && !isRoot) remove(parent, key);
  else if (choice === 1 && !isRoot) set(parent, random.pick([...KEYS, ...words]), parent[key]);
  else if (choice === 2) {
    const [other, otherKey] = random.pick(places);
    set(parent, key, structuredClone(other[otherKey]));
  } else changeValue(parent, key, { random, words });
}

function changeValue(
  parent: Container,
  key: string,
  { random, words }: { readonly random: Random; readonly words: readonly string[] },
): void {
  const value = parent[key];
  const hasWord = words.length > 0 && random.chance(0.2);
  const some: unknown = hasWord ? random.pick(words) : structuredClone(random.pick(VALUES));
  const choice = random.below(6);
  if (choice === 0) set(parent, key, nested(value, random));
  else if (choice === 1 && Array.isArray(value)) set(parent, key, manyOf(value[0], random));
  else if (choice === 1 && isContainer(value)) {
    set(value, random.pick([...KEYS, ...words]), some);
  } else if (choice === 2 && typeof value === 'number') {
    set(parent, key, value + random.pick([1, -1, 0.5, 2 ** 32, -(2 ** 32)]));
  } else if (choice === 2 && typeof value === 'string') {
    set(parent, key, changedText(value, random));
  } else set(parent, key, some);
}

function nested(value: unknown, random: Random): unknown {
  let deep = value;
  for (let level = random.pick([1, 2, 70, 3000]); level > 0; level -= 1) {
    deep = random.chance(0.5) ? [deep] : { a: deep };
  }
  return deep;
}

function manyOf(value: unknown, random: Random): unknown[] {
  const size = JSON.stringify(value ?? null).length;
  const length = Math.min(random.pick([2, 3, 1001, 12_000]), Math.ceil(LONGEST / size));
  return Array.from({ length }, () => value);
}

function changedText(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  const piece = random.pick([
    '\0',
    '/',
    '\n',
    ' ',
    '..',
    '"',
    '-',
    ':',
    '\ud800',
    'x',
    '0',
    'é',
    '\\',
  ]);
  return random.pick([
    text.slice(0, at),
    text.slice(0, at) + piece + text.slice(at),
    text.slice(0, at) + piece + text.slice(at + 1),
    text.repeat(random.pick([2, 40])),
    text.toUpperCase(),
    text + piece,
  ]);
}

function collect(holder: Container, places: (readonly [Container, string])[], depth: number): void {
  for (const key of Object.keys(holder)) {
    if (places.length > 3000) return;
    places.push([holder, key]);
    const value = holder[key];
    if (isContainer(value) && depth < 60) collect(value, places, depth + 1);
  }
}

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null;
}

/** A key of its own, whatever it is called. */
function set(parent: Container, key: string, value: unknown): void {
  const own = { value, writable: true, enumerable: true, configurable: true };
  if (!Array.isArray(parent)) Object.defineProperty(parent, key, own);
  else if (/^\d{1,4}$/.test(key)) parent[Number(key)] = value;
}

function remove(parent: Container, key: string): void {
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else Reflect.deleteProperty(parent, key);
}

function replaceToken(text: string, random: Random): Buffer | undefined {
  const [pattern, instead] = random.pick(TOKENS);
  const found = [...text.matchAll(new RegExp(pattern, 'g'))];
  if (found.length === 0) return undefined;
  const { index, 0: token } = random.pick(found);
  return Buffer.from(
    text.slice(0, index) + random.pick(instead) + text.slice(index + token.length),
  );
}
