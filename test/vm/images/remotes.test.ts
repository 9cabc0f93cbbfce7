import { describe, expect, it } from 'vitest';
import {
  isLoopback,
  parseMirror,
  remoteUrl,
  shownRemotes,
} from '../../../src/vm/images/remotes.js';

describe('remoteUrl', () => {
  it('is that of the official servers without a mirror', () => {
    expect(
      ['release', 'daily', 'snapcraft', 'core'].map((name) => remoteUrl(name, null).href),
    ).toEqual([
      'https://cloud-images.ubuntu.com/releases/',
      'https://cloud-images.ubuntu.com/daily/',
      'https://cloud-images.ubuntu.com/buildd/daily/',
      'https://cdimage.ubuntu.com/ubuntu-core/',
    ]);
  });

  it('is below the mirror for all but core', () => {
    const mirror = 'https://mirror.example/cloud';
    expect(
      ['release', 'daily', 'snapcraft', 'core'].map((name) => remoteUrl(name, mirror).href),
    ).toEqual([
      'https://mirror.example/cloud/releases/',
      'https://mirror.example/cloud/daily/',
      'https://mirror.example/cloud/buildd/daily/',
      'https://cdimage.ubuntu.com/ubuntu-core/',
    ]);
  });

  it.each(['nightly', 'constructor', '', 'Release'])('knows no remote "%s"', (name) => {
    expect(() => remoteUrl(name, null)).toThrow(
      expect.objectContaining({ code: 'REMOTE_UNKNOWN' }) as Error,
    );
  });
});

describe('parseMirror', () => {
  it.each([
    ['https://mirror.example', 'https://mirror.example/'],
    ['https://mirror.example/a/b', 'https://mirror.example/a/b/'],
    ['http://localhost:8080/', 'http://localhost:8080/'],
    ['http://127.3.2.1', 'http://127.3.2.1/'],
    ['http://[::1]:80/x', 'http://[::1]/x/'],
  ])('takes %s', (text, url) => {
    expect(parseMirror(text).href).toBe(url);
  });

  it.each([
    'http://mirror.example/',
    'http://127.0.0.1.example/',
    'http://localhost.example/',
    'ftp://mirror.example/',
    'file:///srv/images',
    'mirror.example',
    '',
    'https://me:secret@mirror.example/',
    'https://mirror.example/?a=b',
  ])('refuses "%s"', (text) => {
    expect(() => parseMirror(text)).toThrow(
      expect.objectContaining({
        code: 'SETTING_INVALID',
        message: `"${text}" cannot be an image mirror`,
      }) as Error,
    );
  });
});

describe('shownRemotes', () => {
  it('are those of the mirror when there is one', () => {
    expect(shownRemotes(null)).toEqual(['release', 'daily', 'snapcraft', 'core']);
    expect(shownRemotes('https://mirror.example/')).toEqual(['release', 'daily', 'snapcraft']);
  });
});

describe('isLoopback', () => {
  it('is true of addresses of this machine alone', () => {
    expect(['localhost', '127.0.0.1', '[::1]'].map(isLoopback)).toEqual([true, true, true]);
    expect(['10.0.0.1', '127.0.0.1.example', '[::2]'].map(isLoopback)).toEqual([
      false,
      false,
      false,
    ]);
  });
});
