import { describe, expect, it } from 'vitest';
import { hasCode, MultipassError } from '../src/errors.js';

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
