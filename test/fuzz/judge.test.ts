import { openSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MultipassError } from '../../src/errors.js';
import { Judge } from './judge.js';
import type { FuzzedReader, Place } from './reader.js';
import { FileWatch } from './watch-files.js';

const judge = new Judge(FileWatch.begin());
const folder = join(tmpdir(), 'multipass-ts-judged');
const place: Place = { folder, file: () => '' };

async function verdict(read: FuzzedReader['read'], more: Partial<FuzzedReader> = {}) {
  const reader: FuzzedReader = { name: 'x', grammar: 'bytes', samples: () => [], read, ...more };
  return await judge.judge(reader, Buffer.from('x'), place);
}

describe('the judge of a reader', () => {
  it('takes a result, and an error that is meant', async () => {
    expect(await verdict(() => ({ a: 1 }))).toEqual({ outcome: 'taken' });
    const refuse = (): never => {
      throw new MultipassError('RECORD_INVALID', 'it is damaged', { hint: 'mend it' });
    };
    expect(await verdict(refuse)).toEqual({ outcome: 'refused' });
  });

  it.each<[string, FuzzedReader['read'], Partial<FuzzedReader>, RegExp]>([
    ['another error', () => new Array<number>(-1), {}, /^it threw RangeError/],
    ['a result that is not right', () => 1, { problem: () => 'no' }, /^a wrong result: no/],
    ['a read elsewhere', () => readFileSync('/etc/hostname'), {}, /"\/etc\/hostname"/],
    [
      'a write elsewhere',
      () => writeFileSync(`${folder}-other`, '', {}),
      {},
      /multipass-ts-judged-other/,
    ],
    [
      'a file that is left open',
      () => openSync('/dev/null', 'r'),
      { opens: true },
      /left a file open/,
    ],
    ['too much memory', () => Buffer.alloc(100 * 1024 ** 2).length, {}, /^it allocated too much/],
    ['a prototype from the input', () => ({ __proto__: { a: 1 } }), {}, /prototype of an object/],
  ])('finds %s', async (_, read, more, fault) => {
    expect(await verdict(read, more)).toMatchObject({
      outcome: 'fault',
      fault: expect.stringMatching(fault) as unknown,
    });
  });

  it('finds a prototype that was changed', async () => {
    const all = Object.prototype as unknown as Record<string, unknown>;
    const found = await verdict(() => (all['polluted'] = true));
    delete all['polluted'];
    expect(found.fault).toMatch(/^it changed a prototype/);
  });
});
