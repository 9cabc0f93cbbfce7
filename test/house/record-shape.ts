import { vi } from 'vitest';
import { JsonPlace } from '../../src/files/decoder.js';
import { codeSpans } from './documents.js';

/** The keys of a record, and of what is in each; lists count as what is in them. */
export interface Shape {
  [key: string]: Shape;
}

/** What decoders look for. */
export interface Decoded {
  readonly keys: Shape;
  /** The choices there are, by the place: `mounts/type`. */
  readonly choices: ReadonlyMap<string, readonly string[]>;
}

/** Every key that a decoder looks for, and every choice that it offers, while `decode` runs. */
export function decoded(decode: () => void): Decoded {
  const keys: Shape = {};
  const choices = new Map<string, readonly string[]>();
  // The originals are called as methods of the place that the spies are called on.
  const { key, oneOf } = JsonPlace.prototype as unknown as Record<string, Method>;
  const spies = [
    vi.spyOn(JsonPlace.prototype, 'key').mockImplementation(function (this: JsonPlace, name) {
      const path = stepsTo(this);
      let shape = keys;
      for (const step of [...path, name]) shape = shape[step] ??= {};
      return key!.call(this, name) as JsonPlace;
    }),
    vi.spyOn(JsonPlace.prototype, 'oneOf').mockImplementation(function (this: JsonPlace, offered) {
      choices.set(stepsTo(this).join('/'), offered);
      return oneOf!.call(this, offered) as never;
    }),
  ];
  try {
    decode();
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
  return { keys, choices };
}

type Method = (...args: unknown[]) => unknown;

/** The keys on the way to a place. */
function stepsTo(place: JsonPlace): string[] {
  return place.at
    .split('/')
    .slice(1)
    .filter((step) => !/^[0-9]+$/.test(step));
}

/**
 * The keys that a list of Markdown describes: `` - `a`, `b`: text ``, items in it, and in the text of an item a shape
 * such as `` `[{c, d: {e}, f: one/other}]` ``.
 */
export function described(list: string): Decoded {
  const keys: Shape = {};
  const choices = new Map<string, readonly string[]>();
  let above = '';
  for (const item of list.split(/^(?= *- `)/m).filter((text) => /^ *- `/.test(text))) {
    const [, indent = '', names = '', text = ''] = /^( *)- ([^:]+):?(.*)$/s.exec(item) ?? [];
    const path = indent === '' ? [] : [above];
    const form = codeSpans(text.split('\n\n')[0]!).find((code) => /^\[?\{/.test(code)) ?? '';
    for (const name of codeSpans(names)) {
      if (indent === '') above = name;
      const shape = path.reduce((found, step) => (found[step] ??= {}), keys);
      shape[name] = readForm(form, [...path, name], choices);
    }
  }
  return { keys, choices };
}

/** Reads `{a, b: [{c}], d: x/y}`. */
function readForm(form: string, path: readonly string[], choices: Map<string, readonly string[]>) {
  const tokens: string[] = form.match(/[{}[\],:]|[^{}[\],:\s]+/g) ?? [];
  const read = (at: readonly string[]): Shape => {
    const shape: Shape = {};
    let name = '';
    for (let token = tokens.shift(); token !== undefined && token !== '}'; token = tokens.shift()) {
      if (token === '{') Object.assign(name === '' ? shape : shape[name]!, read([...at, name]));
      else if (token === ',') name = '';
      else if (name === '' && /^\w/.test(token)) shape[(name = token)] = {};
      else if (/^\w/.test(token)) choices.set([...at, name].join('/'), token.split('/'));
    }
    return shape;
  };
  tokens.splice(0, tokens.indexOf('{') + 1);
  return read(path);
}
