import { createSign, randomUUID, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { run } from '../../src/process/run.js';
import { initialiseStore } from '../../src/store/format.js';
import { StoreLayout } from '../../src/store/layout.js';
import { test } from '../http/servers.js';
import { realRegistry, type RealRegistry } from '../registry/real-registry.js';
import { multipass, startMultipass, type CommandResult } from '../support/command.js';
import { makeInstance } from '../support/store-fixture.js';
import { MIB, writeNoise } from '../vm/travel/registry-support.js';

let folder: string;
let layout: StoreLayout;
let registry: RealRegistry;
let tokens: Server;
/** As the client calls it: a name that the proxy of the test leads here. */
let host: string;
/** What tokens were asked for. */
const asked: URLSearchParams[] = [];
/** For how many seconds from now a token is good, whatever is said of it. */
let life = 600;

const LOGINS: Readonly<Record<string, readonly string[]>> = {
  'writer:secret': ['pull', 'push'],
  'reader:secret': ['pull'],
};
/** That docker-registry forgives. */
const LEEWAY = 60;

const at = (name: string): string => join(folder, name);

async function openssl(...words: readonly string[]): Promise<void> {
  await run('openssl', [...words], { cwd: folder });
}

/** A server's certificate, by an authority of the test's own; and one for signing tokens. */
async function makeCertificates(): Promise<void> {
  const fresh = ['req', '-newkey', 'rsa:2048', '-nodes'];
  const days = ['-days', '2'];
  await openssl(
    ...fresh,
    '-x509',
    ...days,
    '-subj',
    '/CN=ours',
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
  );
  await openssl(...fresh, '-subj', '/CN=servers', '-keyout', 'tls.key', '-out', 'tls.csr');
  await writeFile(at('names'), 'subjectAltName=DNS:registry.example,DNS:auth.example\n');
  const by = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names'];
  await openssl('x509', '-req', '-in', 'tls.csr', ...by, ...days, '-out', 'tls.crt');
  await openssl(
    ...fresh,
    '-x509',
    ...days,
    '-subj',
    '/CN=t',
    '-keyout',
    'token.key',
    '-out',
    'token.crt',
  );
}

/** A token as docker-registry takes it, for what the login may of what is asked for. */
async function tokenFor(may: readonly string[], wanted: URLSearchParams): Promise<string> {
  const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const x5c = [new X509Certificate(await readFile(at('token.crt'))).raw.toString('base64')];
  const now = Math.floor(Date.now() / 1000);
  const access = wanted.getAll('scope').map((scope) => {
    const [type, name, actions = ''] = scope.split(':');
    return { type, name, actions: actions.split(',').filter((action) => may.includes(action)) };
  });
  const times = { iat: now - 300, nbf: now - 300, exp: now - LEEWAY + life };
  const claims = { iss: 'test', aud: wanted.get('service'), sub: 'u', jti: randomUUID(), ...times };
  const text = `${encoded({ typ: 'JWT', alg: 'RS256', x5c })}.${encoded({ ...claims, access })}`;
  const signature = createSign('RSA-SHA256')
    .update(text)
    .sign(await readFile(at('token.key')));
  return `${text}.${signature.toString('base64url')}`;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'multipass-ts-tls-'));
  await makeCertificates();
  const tls = { key: await readFile(at('tls.key')), cert: await readFile(at('tls.crt')) };
  tokens = createServer(tls, (request, answer) => {
    const wanted = new URL(request.url ?? '', 'https://auth.example').searchParams;
    const [, basic = ''] = (request.headers.authorization ?? '').split(' ');
    const may = LOGINS[Buffer.from(basic, 'base64').toString()];
    asked.push(wanted);
    if (may === undefined) return void answer.writeHead(401).end();
    // It is said to be good for long: that it is not, the registry tells.
    return void tokenFor(may, wanted).then((token) =>
      answer.end(JSON.stringify({ token, expires_in: 3600 })),
    );
  }).listen(0, '127.0.0.1');
  await once(tokens, 'listening');
  const { port } = tokens.address() as AddressInfo;
  const realm = `https://auth.example:${port}/token`;
  registry = await realRegistry(undefined, {
    tls: `{ certificate: ${at('tls.crt')}, key: ${at('tls.key')} }`,
    auth: `{ token: { realm: "${realm}", service: r, issuer: test, rootcertbundle: ${at('token.crt')} } }`,
  });
  host = registry.host.replace('127.0.0.1', 'registry.example');
  layout = new StoreLayout(at('store'));
  await initialiseStore(layout);
  const { disk } = await makeInstance(layout, 'web');
  await writeNoise(disk, 24 * MIB, 0);
});

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  tokens.close();
  tokens.closeAllConnections();
  await rm(folder, { recursive: true, force: true });
});

/** A login, and a proxy that knows where such hosts are. */
async function environmentOf(
  login: string,
  { proxy, ...env }: Record<string, string> & { proxy: string },
): Promise<Record<string, string>> {
  const entry = { auth: Buffer.from(login).toString('base64') };
  await writeFile(at('auth.json'), JSON.stringify({ auths: { [host]: entry } }));
  return { HTTPS_PROXY: proxy, REGISTRY_AUTH_FILE: at('auth.json'), ...env };
}

async function as(
  login: string,
  words: readonly string[],
  { store = 'store', ...env }: Record<string, string> & { proxy: string },
): Promise<CommandResult> {
  return await multipass(words, { store: at(store), env: await environmentOf(login, env) });
}

const SUCCESS = { exitCode: 0 };

describe('a registry by TLS, with a server of tokens', () => {
  test('is believed by an authority that is given for it, and by no other', async ({ servers }) => {
    const { url: proxy } = await servers.proxy();
    const push = ['push', 'web', `${host}/tls/web:1`];
    const unknown = await as('writer:secret', push, { proxy });
    expect(unknown).toMatchObject({ exitCode: 2, stdout: '' });
    expect(unknown.stderr).toMatch(/certificate/);
    const files = { NODE_EXTRA_CA_CERTS: at('ca.crt') };
    expect(await as('writer:secret', push, { proxy, ...files })).toMatchObject(SUCCESS);
    const go = { SSL_CERT_FILE: at('ca.crt') };
    expect(await as('writer:secret', push, { proxy, ...go })).toMatchObject(SUCCESS);
    const wrong = { SSL_CERT_FILE: at('token.crt') };
    expect(await as('writer:secret', push, { proxy, ...wrong })).toMatchObject({ exitCode: 2 });
    for (const place of ['containers', 'docker']) {
      const certs = at(join('.config', place, 'certs.d', host));
      await mkdir(certs, { recursive: true });
      await writeFile(join(certs, 'ca.crt'), await readFile(at('ca.crt')));
      expect(await as('writer:secret', push, { proxy })).toMatchObject(SUCCESS);
      await rm(at('.config'), { recursive: true });
      expect(await as('writer:secret', push, { proxy })).toMatchObject({ exitCode: 2 });
    }
  });

  test('lets each do what they may', async ({ servers }) => {
    const { url: proxy } = await servers.proxy();
    const env = { proxy, SSL_CERT_FILE: at('ca.crt') };
    const [reference, other] = [`${host}/scopes/web:1`, `${host}/scopes/other:1`];
    for (const login of ['reader:secret', 'writer:wrong']) {
      const refused = await as(login, ['push', 'web', reference], env);
      expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
      expect(refused.stderr).toContain('refuses to');
    }
    asked.length = 0;
    expect(await as('writer:secret', ['push', 'web', reference], env)).toMatchObject(SUCCESS);
    expect(asked.map((one) => one.getAll('scope'))).toEqual([['repository:scopes/web:pull,push']]);
    asked.length = 0;
    const from = ['push', 'web', other, '--from', reference];
    expect(await as('writer:secret', from, env)).toMatchObject(SUCCESS);
    expect(asked[0]?.getAll('scope')).toEqual([
      'repository:scopes/other:pull,push',
      'repository:scopes/web:pull',
    ]);
    const pull = ['pull', reference, '--name', 'copy'];
    const arriving = { ...env, store: 'other' };
    expect(await as('reader:secret', pull, arriving)).toMatchObject(SUCCESS);
    const disks = [layout, new StoreLayout(at('other'))].map((one, index) =>
      one.instance(index === 0 ? 'web' : 'copy'),
    );
    await run('qemu-img', ['compare', '-q', ...disks.map(({ disk }) => disk)]);
  });

  test('is given a new token in the middle of a push', async ({ servers }) => {
    const { url: proxy, seen } = await servers.proxy();
    asked.length = 0;
    life = 3;
    try {
      await writeNoise(layout.instance('web').disk, 24 * MIB, 0);
      const env = await environmentOf('writer:secret', { proxy, SSL_CERT_FILE: at('ca.crt') });
      const words = ['push', 'web', `${host}/short/web:1`];
      const { finished, signalGroup } = startMultipass(words, { store: at('store'), env });
      const uploads = join(registry.root, 'docker/registry/v2/repositories/short/web');
      while (!existsSync(uploads)) await sleep(5);
      signalGroup('SIGSTOP');
      expect(existsSync(join(uploads, '_manifests'))).toBe(false);
      await sleep(4000);
      signalGroup('SIGCONT');
      expect(await finished).toMatchObject(SUCCESS);
    } finally {
      life = 600;
    }
    expect(asked.length).toBeGreaterThan(1);
    expect(new Set(asked.map(String)).size).toBe(1);
    // One for each request that is under way at once, and for each token.
    expect(seen.length).toBeLessThan(16 + asked.length);
  });
});
