import { describe, expect, it } from 'vitest';
import { JsonPlace } from '../../../src/files/decoder.js';
import { recordText } from '../../../src/files/record.js';
import { decodeAliases, withContext } from '../../../src/vm/aliases/alias-record.js';
import { placeOfAlias } from '../../../src/vm/aliases/find-alias.js';

const LS = { instance: 'web', uuid: 'u', command: 'ls', workingDirectory: 'map' };
const RECORD = { format: 1, active: 'default', contexts: { default: { ls: LS } } };

function decode(record: unknown) {
  return decodeAliases(JsonPlace.parse('aliases.json', JSON.stringify(record)));
}

describe('decodeAliases', () => {
  it('keeps keys that it does not know, and names that JavaScript has a meaning for', () => {
    const text = `{"format": 1, "active": "default", "later": 1,
      "contexts": {"__proto__": {"constructor": {"instance": "web", "uuid": "u", "command": "ls",
      "workingDirectory": "map", "more": [2]}}}}`;
    const record = decodeAliases(JsonPlace.parse('aliases.json', text));
    expect(JSON.parse(recordText(record))).toEqual(JSON.parse(text));
    expect(placeOfAlias(record, '__proto__.constructor')).toEqual({
      context: '__proto__',
      name: 'constructor',
    });
    expect(placeOfAlias(record, 'toString')).toBeUndefined();
  });

  it.each<[what: string, change: object, at: string]>([
    ['no format', { format: undefined }, '/format'],
    ['no context', { active: 1 }, '/active'],
    ['a list', { contexts: [] }, '/contexts'],
    [
      'another working directory',
      { contexts: { a: { ls: { ...LS, workingDirectory: 'tmp' } } } },
      '/contexts/a/ls/workingDirectory',
    ],
    ['no uuid', { contexts: { a: { ls: { ...LS, uuid: undefined } } } }, '/contexts/a/ls/uuid'],
  ])('says where there is %s', (_, change, at) => {
    expect(() => decode({ ...RECORD, ...change })).toThrow(
      expect.objectContaining({ code: 'RECORD_INVALID', fault: { path: 'aliases.json', at } }),
    );
  });

  it('refuses what a newer version wrote', () => {
    expect(() => decode({ ...RECORD, format: 2 })).toThrow(
      expect.objectContaining({ code: 'STORE_TOO_NEW' }),
    );
  });
});

describe('placeOfAlias', () => {
  const alias = decode(RECORD).contexts['default']!['ls']!;
  const record = [
    ['default', 'python3.11'],
    ['work', 'ls'],
    ['work.old', 'ls'],
  ].reduce(
    (made, [context = '', name = '']) =>
      withContext(made, context, { ...made.contexts[context], [name]: alias }),
    decode(RECORD),
  );

  it.each([
    ['ls', 'default', 'ls'],
    ['default.ls', 'default', 'ls'],
    ['python3.11', 'default', 'python3.11'],
    ['default.python3.11', 'default', 'python3.11'],
    ['work.ls', 'work', 'ls'],
    ['work.old.ls', 'work.old', 'ls'],
  ])('takes %s for an alias', (text, context, name) => {
    expect(placeOfAlias(record, text)).toEqual({ context, name });
  });

  it.each(['', '.', 'top', 'work', 'work.', '.ls', 'other.ls', 'work.top'])(
    'finds none for "%s"',
    (text) => {
      expect(placeOfAlias(record, text)).toBeUndefined();
    },
  );
});
