import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MultipassError } from '../../src/errors.js';
import { digestOf } from '../../src/files/digest.js';
import { decodeAuthFile } from '../../src/registry/auth-file.js';
import { parseChallenge } from '../../src/registry/challenge.js';
import { formatReference, parseReference, type Reference } from '../../src/registry/reference.js';
import { isRegistryHost } from '../../src/registry/registry-host.js';
import { decodeToken } from '../../src/registry/token.js';
import { decodePlatforms } from '../../src/vm/registry-images/choose-manifest.js';
import { decodeIndex, decodeManifest } from '../../src/vm/travel/manifest.js';

const DIGEST = digestOf(Buffer.from('x'));

describe('a reference', () => {
  it.each<[string, Partial<Reference>]>([
    ['r.io/web', { host: 'r.io', repository: 'web', tag: 'latest', digest: null }],
    ['docker://localhost/a/b:1', { host: 'localhost', repository: 'a/b', tag: '1' }],
    ['127.0.0.1:5000/a:V_1.0-x', { host: '127.0.0.1:5000', tag: 'V_1.0-x' }],
    ['[::1]:5000/a__b/c-d.e', { host: '[::1]:5000', repository: 'a__b/c-d.e' }],
    [`r.io/a@${DIGEST}`, { tag: null, digest: DIGEST }],
    [`r.io/a:1@${DIGEST}`, { tag: '1', digest: DIGEST }],
  ])('%s is read', (text, wanted) => {
    expect(parseReference(text, null)).toMatchObject(wanted);
  });

  it.each([
    ...['', 'web', 'team/web', 'team/web:1', '/web', 'r.io/', 'r.io/Team/web', 'r.io/a//b'],
    ...['r.io/a:', 'r.io/a:-x', 'r.io/../b', 'r.io/a@sha256:12', 'r.io:99999/a', 'r.io/a b'],
    ...['r.io/a?x=1', 'r.io/a#x', 'u:p@r.io/a', 'https://r.io/a', 'r .io/a', 'r.io\n/a'],
    `r.io/${'a'.repeat(256)}`,
  ])('%j is refused', (text) => {
    expect(() => parseReference(text, null)).toThrow(MultipassError);
  });

  it('without a host is of the one that is set', () => {
    expect(parseReference('team/web', 'r.io:5000')).toMatchObject({
      host: 'r.io:5000',
      repository: 'team/web',
    });
  });

  it('is written as it is read', () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,8}$/);
    const reference = fc.record({
      host: fc.constantFrom('r.io', 'localhost', '127.0.0.1:5000', '[::1]:1'),
      repository: fc.array(part, { minLength: 1, maxLength: 4 }).map((all) => all.join('/')),
      tag: fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,20}$/),
      digest: fc.constantFrom(null, DIGEST),
    });
    fc.assert(
      fc.property(reference, (one) => {
        expect(parseReference(formatReference(one), null)).toEqual(one);
      }),
    );
  });

  it('of whatever text is refused, or stays in the path of a URL', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc
        .array(fc.constantFrom('r.io', '/', ':', '@', '..', 'a', 'A', '%2f', '?', '#', ' ', DIGEST))
        .map((words) => words.join('')),
    );
    fc.assert(
      fc.property(text, (words) => {
        try {
          const { host, repository, tag } = parseReference(words, null);
          expect(isRegistryHost(host)).toBe(true);
          const url = new URL(`https://${host}/v2/${repository}/manifests/${tag ?? ''}`);
          expect(url.pathname).toBe(`/v2/${repository}/manifests/${tag ?? ''}`);
        } catch (error) {
          expect(error).toBeInstanceOf(MultipassError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a challenge', () => {
  it.each([
    ['Basic realm="r"', { scheme: 'basic' }],
    [
      'Bearer realm="https://a/t",service="s",scope="repository:a/b:pull,push"',
      { scheme: 'bearer', service: 's', scope: 'repository:a/b:pull,push' },
    ],
    ['Basic realm="r", Bearer realm="https://a/t"', { scheme: 'bearer', service: null }],
    ['bearer Realm=https://a/t , Service="a \\"b\\""', { scheme: 'bearer', service: 'a "b"' }],
  ])('%s is read', (header, wanted) => {
    expect(parseChallenge(header)).toMatchObject(wanted);
  });

  it.each([null, '', 'Negotiate', 'Bearer', 'Bearer realm="no url"', '"', 'x'.repeat(10_000)])(
    '%j is none',
    (header) => {
      expect(parseChallenge(header)).toBeUndefined();
    },
  );
});

describe('what strangers write', () => {
  const json = fc.json({ maxDepth: 4 });
  const known = fc.constantFrom(
    ...['auths', 'auth', 'credHelpers', 'credsStore', 'identitytoken', 'token', 'expires_in'],
    ...['manifests', 'platform', 'annotations', 'digest', 'size', 'layers', 'config', 'mediaType'],
  );
  const nested = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.constantFrom(null, '', 'u:p', DIGEST, 0, -1, 1e300, true, 'dTpw'),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(known, tie('value'), { maxKeys: 4 }),
    ),
  })).value;
  const text = fc.oneof(
    json,
    fc.string({ unit: 'binary' }),
    nested.map((one) => JSON.stringify(one)),
  );
  const readers: Readonly<Record<string, (data: string) => unknown>> = {
    'a file of logins': (data) => decodeAuthFile('config.json', data),
    'a token': (data) => decodeToken(data, 'r.io'),
    'an index': (data) => decodeIndex(Buffer.from(data), 'r.io/a'),
    'a manifest': (data) => decodeManifest(Buffer.from(data), 'r.io/a'),
    'an index of platforms': (data) =>
      decodePlatforms(Buffer.from(data), { architecture: 'amd64', origin: 'r.io/a' }),
    'a challenge': (data) => parseChallenge(data),
  };
  it.each(Object.entries(readers))('is read as %s, or refused by name', (_what, read) => {
    fc.assert(
      fc.property(text, (data) => {
        try {
          read(data);
        } catch (error) {
          expect(error).toBeInstanceOf(MultipassError);
        }
      }),
      { numRuns: 400 },
    );
  });
});
