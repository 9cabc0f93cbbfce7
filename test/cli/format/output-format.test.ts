import { describe, expect, it } from 'vitest';
import { MultipassError } from '../../../src/errors.js';
import { parseOutputFormat, parseResultFormat } from '../../../src/cli/format/output-format.js';

describe('parseOutputFormat', () => {
  it.each(['table', 'json', 'csv', 'yaml'])('accepts %s', (text) => {
    expect(parseOutputFormat(text)).toBe(text);
  });

  it.each(['', 'JSON', 'xml', 'toString'])('refuses "%s" with the text of Multipass', (text) => {
    expect(() => parseOutputFormat(text)).toThrow(
      expect.objectContaining({ code: 'USAGE', message: 'Invalid format type given.' }),
    );
    expect(() => parseOutputFormat(text)).toThrow(MultipassError);
  });
});

describe('parseResultFormat', () => {
  it.each(['table', 'json'])('accepts %s', (text) => {
    expect(parseResultFormat(text)).toBe(text);
  });

  it.each(['csv', 'yaml', ''])('refuses "%s" with the text of Multipass', (text) => {
    expect(() => parseResultFormat(text)).toThrow(
      expect.objectContaining({ code: 'USAGE', message: 'Invalid format type given.' }),
    );
  });
});
