import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RecordError } from '../../src/errors.js';
import { encodeRecord, JsonPlace, UNKNOWN_KEYS } from '../../src/files/decoder.js';

function place(value: unknown): JsonPlace {
  return JsonPlace.parse('f.json', JSON.stringify(value));
}

function faultOf(action: () => unknown): { at: string; message: string } {
  try {
    action();
  } catch (error) {
    if (error instanceof RecordError) return { at: error.fault.at, message: error.message };
    throw error;
  }
  throw new Error('it was accepted');
}

describe('JsonPlace.parse', () => {
  it.for(['', ' \n', '{', '{"a":1', '[1,]', "{'a':1}", 'nul', '\u{feff}{}x'])(
    'refuses %j, naming the file',
    (text) => {
      const { at, message } = faultOf(() => JsonPlace.parse('instances/web/spec.json', text));
      expect(at).toBe('');
      expect(message).toContain('cannot read "instances/web/spec.json": ');
    },
  );
});

describe('JsonPlace', () => {
  it('names the place by its JSON pointer, escaped', () => {
    const root = place({ 'a/b': [{ 'c~d': 1 }] });
    const inner = root.key('a/b').items()[0]!.key('c~d');
    expect(inner.at).toBe('/a~1b/0/c~0d');
    expect(faultOf(() => inner.string())).toEqual({
      at: '/a~1b/0/c~0d',
      message: 'cannot read "f.json" at /a~1b/0/c~0d: expected a string, found 1',
    });
  });

  const WRONG: Record<string, [(p: JsonPlace) => unknown, wanted: string, unknown[]]> = {
    object: [(p) => p.object(), 'an object', [null, [], 'x', 1, true]],
    items: [(p) => p.items(), 'an array', [null, {}, 'x', 1, { length: 1 }]],
    string: [(p) => p.string(), 'a string', [null, {}, [], 1, false]],
    boolean: [(p) => p.boolean(), 'true or false', [null, 'true', 0, []]],
    integer: [(p) => p.integer(2), 'at least 2', [null, '2', 1, 2.5, 1e300, 2 ** 53, -3, []]],
    oneOf: [(p) => p.oneOf(['a', 'b']), 'one of a, b', [null, 'A', '', 1, ['a']]],
    matching: [(p) => p.matching(/^x$/, 'an x'), 'a', ['y', 'x\n', null, 1]],
  };

  it.for(Object.entries(WRONG))('refuses what is no %s', ([, [get, wanted, values]]) => {
    for (const value of [...values, undefined]) {
      const { at, message } = faultOf(() => get(place({ key: value }).key('key')));
      expect(at).toBe('/key');
      expect(message).toContain(`expected ${wanted.startsWith('at') ? 'a whole number' : wanted}`);
    }
  });

  it('refuses a list of too many entries, whatever they are', () => {
    const many = place({ key: Array.from({ length: 1001 }) }).key('key');
    expect(faultOf(() => many.items())).toMatchObject({
      at: '/key',
      message: expect.stringContaining('expected at most 1000 entries, found 1001') as string,
    });
    expect(many.items(1001)).toHaveLength(1001);
  });

  it('gives what is right', () => {
    const root = place({ o: {}, s: 'x', b: false, i: 2, c: 'b', n: null });
    expect(root.key('s').string()).toBe('x');
    expect(root.key('s').matching(/^x$/, 'an x')).toBe('x');
    expect(root.key('b').boolean()).toBe(false);
    expect(root.key('i').integer(2)).toBe(2);
    expect(root.key('c').oneOf(['a', 'b'])).toBe('b');
    expect([root.key('n').isAbsent(), root.key('x').isAbsent(), root.key('b').isAbsent()]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('takes no property of all objects for a key', () => {
    for (const name of ['toString', 'constructor', '__proto__', 'hasOwnProperty']) {
      expect(place({}).key(name).isAbsent()).toBe(true);
    }
  });
});

describe('unknown keys', () => {
  interface Node {
    readonly name: string;
    readonly children: readonly Node[];
  }

  const decode = (at: JsonPlace): Node => ({
    name: at.key('name').string(),
    children: at.key('children').items().map(decode),
    ...at.unknownKeys(['name', 'children']),
  });

  const unknown = fc.dictionary(
    fc.oneof(fc.constantFrom('__proto__', 'toJSON', 'constructor', 'a/b'), fc.string()),
    fc.jsonValue(),
    { maxKeys: 3 },
  );
  const nodeOfDepth = (depth: number): fc.Arbitrary<object> =>
    fc
      .record({
        name: fc.string(),
        children:
          depth === 0 ? fc.constant([]) : fc.array(nodeOfDepth(depth - 1), { maxLength: 2 }),
        more: unknown,
      })
      .map(({ more, ...known }) => ({ ...more, ...known }));

  it('survive decoding and encoding at every depth, whatever they are called and hold', () => {
    fc.assert(
      fc.property(nodeOfDepth(3), (value) => {
        const text = JSON.stringify(value);
        const again = JSON.stringify(encodeRecord(decode(JsonPlace.parse('f', text))));
        expect(JSON.parse(again)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('go along when a record is changed by spreading it', () => {
    const record = decode(place({ name: 'a', children: [], later: { x: 1 } }));
    const changed = { ...record, name: 'b' };
    expect(Object.keys(changed)).toEqual(['name', 'children']);
    expect(encodeRecord(changed)).toEqual({ name: 'b', children: [], later: { x: 1 } });
  });

  it('are not marked when there are none', () => {
    expect(UNKNOWN_KEYS in decode(place({ name: 'a', children: [] }))).toBe(false);
  });
});
