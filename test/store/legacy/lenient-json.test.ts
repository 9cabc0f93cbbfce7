import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  parseLenientDatabase,
  readLenientDatabase,
} from '../../../src/store/legacy/lenient-json.js';

/** Records with all that can confuse a scanner: braces and quotes in strings, and objects in objects. */
const RECORDS: Readonly<Record<string, unknown>> = {
  'calm-otter': { mem_size: '1G', metadata: { arguments: ['-m "}}}}{"', '\\'] }, mounts: [] },
  web: { deleted: false, metadata: {}, mounts: [{ uid_mappings: [{ host_uid: 1000 }] }] },
  'a "quoted" name': { state: 4 },
};
const NAMES = Object.keys(RECORDS);

const STYLES = [
  ['as Multipass writes it', JSON.stringify(RECORDS, null, 4) + '\n'],
  ['with two spaces', JSON.stringify(RECORDS, null, 2)],
  ['with Windows line ends', JSON.stringify(RECORDS, null, 4).replaceAll('\n', '\r\n')],
  ['on one line', JSON.stringify(RECORDS)],
  ['with its first name beside the brace', JSON.stringify(RECORDS, null, 4).replace(/\{\s+/, '{ ')],
] as const;

/** How many of the records are complete in the first `length` characters. */
function completeAt(text: string, length: number): string[] {
  return NAMES.filter((_, at) => {
    const nextName = NAMES[at + 1];
    const end =
      nextName === undefined
        ? text.lastIndexOf('}', text.lastIndexOf('}') - 1)
        : text.lastIndexOf('}', text.indexOf(JSON.stringify(nextName)));
    return length > end;
  });
}

function isOriginal([name, value]: [string, unknown]): boolean {
  return JSON.stringify(RECORDS[name]) === JSON.stringify(value);
}

describe('parseLenientDatabase', () => {
  it.each(STYLES)('keeps exactly the complete records of a file %s, cut at any byte', (_, text) => {
    for (let length = 0; length < text.trimEnd().length; length++) {
      const { status, entries, problem } = parseLenientDatabase(text.slice(0, length));
      const complete = completeAt(text, length);
      expect([...entries.keys()], `cut at ${length}`).toEqual(complete);
      expect([...entries].every(isOriginal)).toBe(true);
      expect(problem).not.toBeNull();
      expect(status).toBe(complete.length > 0 ? 'salvaged' : length === 0 ? 'empty' : 'corrupt');
    }
  });

  it.each(STYLES)('keeps all records of a file %s that has something behind its end', (_, text) => {
    for (const garbage of ['}', '\0\0\0', '\n    "metadata": {}\n}\n', 'xyz']) {
      const { status, entries } = parseLenientDatabase(text + garbage);
      expect(status).toBe('salvaged');
      expect(Object.fromEntries(entries)).toEqual(RECORDS);
    }
  });

  it('keeps every record that a run of NULs leaves alone, and makes up none', () => {
    const text = JSON.stringify(RECORDS, null, 4);
    const position = fc.nat({ max: text.length - 1 });
    fc.assert(
      fc.property(position, position, (one, other) => {
        const [from, to] = [Math.min(one, other), Math.max(one, other) + 1];
        const damaged = text.slice(0, from) + '\0'.repeat(to - from) + text.slice(to);
        const { entries } = parseLenientDatabase(damaged);
        expect([...entries].every(isOriginal)).toBe(true);
        const untouched = NAMES.filter((name) => {
          const start = text.indexOf(`\n    ${JSON.stringify(name)}`);
          const end = text.indexOf('\n    }', start) + 6;
          return to <= start || from >= end;
        });
        expect([...entries.keys()]).toEqual(expect.arrayContaining(untouched));
      }),
      { numRuns: 500 },
    );
  });

  it('reads a whole file as JSON.parse does, whatever is in it', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.nat({ max: 4 }),
        (value, indent) => {
          const text = JSON.stringify(value, null, indent);
          const { status, entries } = parseLenientDatabase(text);
          expect(status).toBe('ok');
          expect([...entries]).toEqual(Object.entries(JSON.parse(text) as object));
        },
      ),
    );
  });

  it('salvages from a cut file only what the whole file has', () => {
    const record = fc.dictionary(fc.string(), fc.jsonValue());
    const database = fc.dictionary(fc.string(), record, { minKeys: 1 });
    fc.assert(
      fc.property(database, fc.nat({ max: 4 }), fc.nat(), (value, indent, cut) => {
        const text = JSON.stringify(value, null, indent);
        const whole = JSON.parse(text) as Record<string, unknown>;
        const { entries } = parseLenientDatabase(text.slice(0, cut % text.length));
        for (const [name, kept] of entries) expect(kept).toEqual(whole[name]);
      }),
    );
  });

  it('never throws, whatever the text', () => {
    const piece = fc.constantFrom('{', '}', '"', '\\', '\n', '    ', 'a', ':', ',', '\0', '1', '[');
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        expect(parseLenientDatabase(pieces.join('')).entries).toBeInstanceOf(Map);
      }),
      { numRuns: 1000 },
    );
  });

  it('names the records that are lost', () => {
    const text =
      '{\n    "web": {\n        "state": 4,\0\0\n    },\n    "db": {\n        "state": 0\n    }\n}';
    expect(parseLenientDatabase(text)).toEqual({
      status: 'salvaged',
      entries: new Map([['db', { state: 0 }]]),
      problem: 'is cut off or damaged; kept 1 complete record; lost: "web"',
    });
  });

  it('goes on behind a damaged record on one line while its braces match', () => {
    const { entries } = parseLenientDatabase('{"a":{"x":tru},"b":{"x":{"y":1}},"c":{}');
    expect([...entries]).toEqual([
      ['b', { x: { y: 1 } }],
      ['c', {}],
    ]);
  });

  it('takes the last of records with the same name, in a whole file and in a damaged one', () => {
    for (const end of ['}', ''])
      expect(parseLenientDatabase(`{"a":{"x":1},"a":{"x":2}${end}`).entries).toEqual(
        new Map([['a', { x: 2 }]]),
      );
  });

  it('takes __proto__ for a name like any other', () => {
    for (const end of ['}', '']) {
      const { entries } = parseLenientDatabase(`{"__proto__":{"state":4}${end}`);
      expect([...entries.keys()]).toEqual(['__proto__']);
    }
    expect({}).not.toHaveProperty('state');
  });

  it('reads numbers beyond 2^53 and exponents', () => {
    const text = '{"a":{"last_accessed":1560951473721076700,"old":1.5609514737210767e+18}}';
    const record = parseLenientDatabase(text).entries.get('a') as Record<string, number>;
    expect(record['last_accessed']).toBeCloseTo(1.5609514737210767e18, -4);
    expect(record['old']).toBeCloseTo(1.5609514737210767e18, -4);
  });

  it.each(['[]', 'null', '"text"', '5'])('calls %s corrupt', (text) => {
    expect(parseLenientDatabase(text)).toEqual({
      status: 'corrupt',
      entries: new Map(),
      problem: 'is no JSON object',
    });
  });
});

describe('readLenientDatabase', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'lenient-'));
  });
  afterEach(async () => {
    await rm(dir, { recursive: true });
  });

  async function read(content: string | Uint8Array) {
    const path = join(dir, 'db.json');
    await writeFile(path, content);
    return readLenientDatabase(path);
  }

  it('calls a file that is not there missing, without a problem', async () => {
    const missing = { status: 'missing', entries: new Map(), problem: null };
    expect(readLenientDatabase(join(dir, 'none.json'))).toEqual(missing);
    await mkdir(join(dir, 'folder.json'));
    expect(readLenientDatabase(join(dir, 'folder.json'))).toEqual(missing);
  });

  it.each(['', ' \n', '\0\0\0\0'])('calls a file of %j empty and names it', async (content) => {
    const { status, entries, problem } = await read(content);
    expect({ status, size: entries.size }).toEqual({ status: 'empty', size: 0 });
    expect(problem).toBe(`"${join(dir, 'db.json')}" is empty`);
  });

  it('reads an object without members, as Multipass leaves it, without a problem', async () => {
    expect(await read('{\n}\n')).toEqual({ status: 'ok', entries: new Map(), problem: null });
  });

  it('overlooks a byte order mark', async () => {
    expect((await read('\uFEFF{"a":{}}')).status).toBe('ok');
    expect([...(await read('\uFEFF{"a":{},')).entries.keys()]).toEqual(['a']);
  });

  it('survives bytes that are no UTF-8', async () => {
    const { entries } = await read(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x7b, 0x7d, 0x7d]));
    expect([...entries.keys()]).toEqual(['\uFFFD']);
  });
});
