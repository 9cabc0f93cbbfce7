import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseImageQuery, splitRemote } from '../../../src/vm/images/image-query.js';

describe('parseImageQuery', () => {
  it('takes a word for an alias, with or without a remote', () => {
    expect(parseImageQuery('noble')).toEqual({ type: 'alias', remote: null, alias: 'noble' });
    expect(parseImageQuery('daily:24.04')).toEqual({
      type: 'alias',
      remote: 'daily',
      alias: '24.04',
    });
  });

  it('takes nothing for the default image', () => {
    expect(parseImageQuery('')).toEqual({ type: 'alias', remote: null, alias: 'default' });
    expect(parseImageQuery('daily:')).toEqual({ type: 'alias', remote: 'daily', alias: 'default' });
    expect(parseImageQuery(':x')).toEqual({ type: 'alias', remote: null, alias: 'x' });
  });

  it('takes what has a slash for a path', () => {
    for (const path of ['/images/a.img', './a.img', '../a.img', 'images/a.img', 'a:b/c.img']) {
      expect(parseImageQuery(path)).toEqual({ type: 'file', paths: [resolve(path)] });
    }
    expect(parseImageQuery('~/a.img')).toEqual({ type: 'file', paths: [join(homedir(), 'a.img')] });
  });

  it('takes a file URL as it is, and with its escapes', () => {
    expect(parseImageQuery('file:///a%20b')).toEqual({ type: 'file', paths: ['/a%20b', '/a b'] });
    expect(parseImageQuery('FILE:///100%')).toEqual({ type: 'file', paths: ['/100%'] });
  });

  it('takes a web address', () => {
    const url = new URL('https://host.example/a b.img');
    expect(parseImageQuery('HTTPS://host.example/a b.img')).toEqual({ type: 'http', url });
  });

  it.each([
    ['file://host/a.img', 'Invalid file URL `file://host/a.img`; did you forget a slash?'],
    ['a:b:c', 'Invalid remote and search string supplied'],
    ['https://', '"https://" is not a valid URL'],
    ['https://me:secret@host.example/a.img', 'the URL of an image may hold no password'],
  ])('refuses %s', (text, message) => {
    expect(() => parseImageQuery(text)).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT', message }) as Error,
    );
  });
});

describe('splitRemote', () => {
  it('leaves an empty search empty', () => {
    expect(splitRemote('daily:')).toEqual({ remote: 'daily', search: '' });
    expect(splitRemote('')).toEqual({ remote: null, search: '' });
  });
});
