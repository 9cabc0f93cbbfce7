import { describe, expect, it } from 'vitest';
import { hasCode, MultipassError, RecordError } from '../src/errors.js';

describe('hasCode', () => {
  const error = new MultipassError('NAME_TAKEN', 'instance "web" already exists', {
    hint: 'Choose another name.',
  });

  it('knows an error by any of the codes', () => {
    expect(hasCode(error, 'NAME_TAKEN')).toBe(true);
    expect(hasCode(error, 'ABORTED', 'NAME_TAKEN')).toBe(true);
    expect(hasCode(error, 'ABORTED', 'TIMED_OUT')).toBe(false);
  });

  it('takes no other error for one, whatever its code', () => {
    const system = Object.assign(new Error('no'), { code: 'ABORTED' });
    expect(hasCode(system, 'ABORTED')).toBe(false);
    expect(hasCode('ABORTED', 'ABORTED')).toBe(false);
    expect(hasCode(undefined, 'ABORTED')).toBe(false);
  });

  it('narrows an error that it does not know to nothing', () => {
    // A guard that narrowed the other way would make `code` of the second branch an error of type `never`.
    const codeOf = (failure: MultipassError): string =>
      hasCode(failure, 'ABORTED') ? failure.code : failure.code.toLowerCase();
    expect(codeOf(error)).toBe('name_taken');
  });
});

describe('MultipassError', () => {
  it('keeps code, hint and cause when it is told in other words', () => {
    const cause = new Error('the reason');
    const context = { hint: 'Mend it.', details: { name: 'web' }, cause };
    const error = new MultipassError('IO_ERROR', 'no', context);
    expect(error.restated({ message: 'not at all', details: { console: 'x' } })).toMatchObject({
      code: 'IO_ERROR',
      message: 'not at all',
      hint: 'Mend it.',
      details: { name: 'web', console: 'x' },
      cause,
    });
    expect(error.restated({}).message).toBe('no');
    expect(new MultipassError('ABORTED', 'interrupted').restated({}).hint).toBeUndefined();
  });

  it('has to have a hint, unless its code says all', () => {
    // @ts-expect-error: no context
    expect(() => new MultipassError('NAME_TAKEN', 'taken')).not.toThrow();
    // @ts-expect-error: a context without a hint
    expect(() => new MultipassError('IO_ERROR', 'no', { details: {} })).not.toThrow();
    expect(new MultipassError('USAGE', 'no').hint).toBeUndefined();
    expect(new RecordError({ path: '/x', at: '' }, 'no').hint).toMatch(/^Repair the file/);
  });
});
