import { decodeAuthFile } from '../../../src/registry/auth-file.js';
import { parseChallenge } from '../../../src/registry/challenge.js';
import { formatReference, parseReference } from '../../../src/registry/reference.js';
import { decodeToken } from '../../../src/registry/token.js';
import { parseImageQuery } from '../../../src/vm/images/image-query.js';
import { parseMirror } from '../../../src/vm/images/remotes.js';
import { reachOf } from '../../../src/http/reach.js';
import { reader, texts } from '../reader.js';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

export const registry = [
  reader({
    name: 'challenge',
    grammar: 'lines',
    samples: () =>
      texts(
        'Bearer realm="https://auth.example.com/token",service="registry",scope="repository:a/b:pull"',
        'Basic realm="r", Bearer realm=https://a/b , service="a \\" b"',
      ),
    read: (input) => parseChallenge(input.toString('latin1')),
    problem: (found) =>
      found?.scheme === 'bearer' && !(found.realm instanceof URL)
        ? 'a realm that is no URL'
        : undefined,
  }),
  reader({
    name: 'reference',
    grammar: 'lines',
    samples: () =>
      texts(
        'registry.example.com:5000/team/web:1',
        'docker://localhost/a',
        `a.b/c@${DIGEST}`,
        'web:latest',
      ),
    read: (input) => parseReference(input.toString('utf8'), 'registry.example.com'),
    problem: (found) => {
      const text = formatReference(found);
      const again = parseReference(text, null);
      return formatReference(again) === text && !/\s|\.\.\//.test(text)
        ? undefined
        : `${text} is another`;
    },
  }),
  reader({
    name: 'auth-file',
    grammar: 'json',
    samples: () =>
      texts({
        auths: {
          'a.example.com': { auth: 'dXNlcjpwYXNz' },
          'https://index.docker.io/v1/': { identitytoken: 'x' },
          'b/c': { username: 'u', password: 'p' },
          d: {},
        },
        credHelpers: { 'gcr.io': 'gcloud' },
        credsStore: 'pass',
      }),
    read: (input) => decodeAuthFile('config.json', input.toString('utf8')),
    problem: ({ store, helpers }) =>
      [store ?? 'a', ...helpers.values()].every((name) => /^[A-Za-z0-9-]+$/.test(name))
        ? undefined
        : 'a helper that is no name of a program',
  }),
  reader({
    name: 'token',
    grammar: 'json',
    samples: () =>
      texts({ token: 'abc.def', expires_in: 300 }, { access_token: 'x', issued_at: 'now' }),
    read: (input) => decodeToken(input.toString('utf8'), 'registry.example.com'),
    problem: ({ text }) => (/^[\x21-\x7e]+$/.test(text) ? undefined : 'it cannot be a header'),
  }),
  reader({
    name: 'image-query',
    grammar: 'lines',
    samples: () =>
      texts(
        '24.04',
        'daily:noble',
        'https://a.example.com/b.img',
        'file:///a%20b.img',
        './a.img',
        '~/b',
      ),
    read: (input) => parseImageQuery(input.toString('utf8')),
  }),
  reader({
    name: 'mirror',
    grammar: 'lines',
    samples: () =>
      texts('https://mirror.example/cloud-images', 'http://127.0.0.1:8000/', 'http://[::1]/'),
    read: (input) => parseMirror(input.toString('utf8')),
    problem: (url) => (url.pathname.endsWith('/') ? undefined : 'without its slash'),
  }),
  reader({
    name: 'address',
    grammar: 'lines',
    samples: () =>
      texts('10.0.0.1', '::1', '::ffff:127.0.0.1', 'fe80::1%eth0', '64:ff9b::7f00:1', '8.8.8.8'),
    read: (input) => reachOf(input.toString('utf8')),
  }),
];
