import { describe, expect, it } from 'vitest';
import { parseVerdict } from '../../../src/vm/launch/guest-verdict.js';

const answers = (result: unknown, status: unknown = '', complaints = ''): string =>
  [result, status, complaints]
    .map((one) => (typeof one === 'string' ? one : JSON.stringify(one, null, 1)))
    .map((one) => `${one}\n=multipass=\n`)
    .join('');

const CONTENT = { v1: { datasource: 'DataSourceNoCloud', errors: [] } };
const STAGES = { v1: { datasource: null, stage: null, init: { errors: [], start: 1 } } };

describe('parseVerdict', () => {
  it('has nothing to say of a guest that was content, or tells nothing', () => {
    expect(parseVerdict(answers(CONTENT, STAGES))).toEqual([]);
    expect(parseVerdict(answers('', '', ''))).toEqual([]);
    expect(parseVerdict('')).toEqual([]);
    // The last end of line does not come over.
    expect(parseVerdict(answers(CONTENT, STAGES).trimEnd())).toEqual([]);
    expect(parseVerdict(answers('{"v1"', '[[', ''))).toEqual([]);
    expect(parseVerdict(answers({ v1: [1] }, { v1: { init: { errors: 'x' } } }))).toEqual([]);
  });

  it('tells the warnings of the log of one that says it is done after it threw all away', () => {
    const line =
      '2026-11-29 10:00:00,123 - util.py[WARNING]: Failed loading yaml blob. Invalid format at line 2 column 3';
    expect(parseVerdict(answers(CONTENT, STAGES, `${line}\n${line}\n`))).toEqual([
      'util.py[WARNING]: Failed loading yaml blob. Invalid format at line 2 column 3',
    ]);
  });

  it('tells the errors of the result and of each stage, and no deprecations', () => {
    const result = { v1: { errors: ["('scripts-user', RuntimeError('Runparts: 1 failures'))"] } };
    const status = {
      v1: {
        init: { errors: ['no network\nTraceback'], recoverable_errors: {} },
        'modules-config': {
          errors: [],
          recoverable_errors: { WARNING: ['bad key'], DEPRECATED: ['old key'] },
        },
      },
    };
    expect(parseVerdict(answers(result, status))).toEqual([
      "('scripts-user', RuntimeError('Runparts: 1 failures'))",
      'no network',
      'bad key',
    ]);
  });

  it('is bounded, whatever a guest says', () => {
    const errors = Array.from({ length: 1000 }, (_, at) => `${at} ${'x'.repeat(10_000)}`);
    const lines = parseVerdict(answers({ v1: { errors } }));
    expect(lines).toHaveLength(10);
    expect(Math.max(...lines.map(({ length }) => length))).toBe(300);
  });
});
