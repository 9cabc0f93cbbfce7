import { createServer, type RequestListener } from 'node:http';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { digestOf } from '../../src/files/digest.js';
import { credentialsFor } from '../../src/registry/credentials.js';
import { OCI_MANIFEST } from '../../src/registry/media-types.js';
import { Repository } from '../../src/registry/repository.js';
import type { RegistryOptions } from '../../src/registry/registry-connection.js';
import { WritableRepository } from '../../src/registry/writable-repository.js';
import { meddlingProxy, type MeddlingProxy } from './proxy.js';
import { realRegistry, type RealRegistry } from './real-registry.js';

let registry: RealRegistry;
let proxy: MeddlingProxy;
let folder: string;

const DATA = Buffer.alloc(300_000, 'some bytes ');
const BLOB = { digest: digestOf(DATA), size: DATA.length };

beforeAll(async () => {
  registry = await realRegistry();
  proxy = await meddlingProxy(registry.host);
  folder = await mkdtemp(join(tmpdir(), 'logins-'));
  await (await writable()).upload(DATA, BLOB.digest);
});

afterAll(async () => {
  await proxy[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

afterEach(() => {
  proxy.forget();
  proxy.meddle = () => undefined;
  proxy.change = undefined;
  vi.unstubAllEnvs();
});

function options(env: RegistryOptions['env'] = {}): RegistryOptions {
  const none = { REGISTRY_AUTH_FILE: join(folder, 'none.json') };
  return { insecureHosts: [], retryMs: 5, env: { ...none, ...env } };
}

async function writable(env = {}): Promise<WritableRepository> {
  return await WritableRepository.openToWrite(proxy.host, 'a/b', { options: options(env) });
}

async function readable(env = {}): Promise<Repository> {
  return await Repository.open(proxy.host, 'a/b', options(env));
}

/** A server of the test's own, for as long as `act` takes. */
async function withServer<T>(listener: RequestListener, act: (url: string) => Promise<T>) {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    return await act(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

describe('a registry that is out of sorts', () => {
  it.each([429, 502, 503, 504])('is asked again after %d', async (status) => {
    let refusals = 0;
    proxy.meddle = ({ url }, answer) => {
      if (!url.includes('/blobs/') || (refusals += 1) > 2) return undefined;
      answer.writeHead(status, { 'retry-after': '0' }).end();
      return true;
    };
    expect((await (await readable()).blob(BLOB)).equals(DATA)).toBe(true);
    expect(refusals).toBe(3);
  });

  it('is waited for as long as it says, and given up in the end', async () => {
    const repository = await readable();
    const began = performance.now();
    let refusals = 0;
    proxy.meddle = (_passing, answer) => {
      refusals += 1;
      answer.writeHead(429, { 'retry-after': refusals === 1 ? '1' : '0' }).end('{}');
      return true;
    };
    await expect(repository.blob(BLOB)).rejects.toMatchObject({ code: 'REGISTRY_FAILED' });
    expect(refusals).toBe(5);
    expect(performance.now() - began).toBeGreaterThan(990);
  });

  it('is gone on with after each kind of request was reset', async () => {
    const fresh = Buffer.alloc(200_000, 'fresh ');
    const methods = new Set<string>();
    proxy.meddle = ({ method, url }, answer) => {
      const kind = `${method} ${url.replace(/[0-9a-f-]{36}.*/, '').replace(/sha256.*/, '')}`;
      if (methods.has(kind)) return undefined;
      methods.add(kind);
      answer.destroy();
      return true;
    };
    const repository = await writable();
    await repository.upload(fresh, digestOf(fresh));
    expect((await repository.blob({ digest: digestOf(fresh), size: fresh.length })).length).toBe(
      fresh.length,
    );
    expect([...methods].map((kind) => kind.split(' ')[0])).toEqual(['GET', 'POST', 'PUT', 'GET']);
  });

  it('sends a long blob on where it was cut, and whole', async () => {
    const long = Buffer.alloc(40 * 1024 ** 2, 'a long one ');
    const digest = digestOf(long);
    let cuts = 0;
    proxy.meddle = ({ method }, answer) => {
      if (method !== 'PATCH' || (cuts += 1) !== 2) return undefined;
      answer.destroy();
      return true;
    };
    const repository = await writable();
    const read = (offset: number, length: number): Promise<Buffer> =>
      Promise.resolve(long.subarray(offset, offset + length));
    await repository.uploadLong({ digest, size: long.length, read }, () => undefined);
    expect(cuts).toBe(4);
    expect(await repository.has(digest)).toBe(true);
    expect(proxy.sent()).toBeLessThan(1.5 * long.length);
  });

  it('is not believed what it sends', async () => {
    const repository = await readable();
    const refused = { code: 'REGISTRY_FAILED' };
    for (const changed of [
      Buffer.alloc(DATA.length, 'other bytes'),
      DATA.subarray(1),
      Buffer.concat([DATA, DATA]),
    ]) {
      proxy.change = ({ url }) => (url.includes('/blobs/') ? changed : undefined);
      await expect(repository.blob(BLOB)).rejects.toMatchObject(refused);
    }
    proxy.change = undefined;
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: OCI_MANIFEST,
        config: { mediaType: 'application/x', ...BLOB },
        layers: [],
      }),
    );
    expect(await (await writable()).publish('1', OCI_MANIFEST, manifest)).toEqual([]);
    const digest = digestOf(manifest);
    expect((await repository.manifest(digest))?.data.equals(manifest)).toBe(true);
    proxy.change = ({ url }) => (url.includes('/manifests/') ? Buffer.from('{}') : undefined);
    await expect(repository.manifest(digest)).rejects.toMatchObject(refused);
    await expect(repository.manifest('1')).rejects.toMatchObject(refused);
    proxy.change = ({ url }) => (url.includes('/manifests/') ? Buffer.alloc(5e6, ' ') : undefined);
    await expect(repository.manifest('1')).rejects.toMatchObject(refused);
  });

  it('says what it has not of what a manifest names', async () => {
    const missing = digestOf(Buffer.from('never sent'));
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: OCI_MANIFEST,
      config: { mediaType: 'application/x', ...BLOB },
      layers: [{ mediaType: 'application/x', digest: missing, size: 10 }],
    });
    const repository = await writable();
    expect(await repository.publish('2', OCI_MANIFEST, Buffer.from(manifest))).toEqual([missing]);
    expect(await repository.hasManifest('2')).toBe(false);
  });

  it('is told to be none', async () => {
    await withServer(
      (_asked, answer) => void answer.writeHead(404).end('<html>'),
      async (url) => {
        const opening = Repository.open(url.replace('http://', ''), 'a/b', options());
        await expect(opening).rejects.toMatchObject({ code: 'REGISTRY_FAILED' });
      },
    );
  });
});

describe('connections to a registry', () => {
  it('are as many as there are requests at once', async () => {
    const repository = await writable();
    for (let count = 0; count < 10; count += 1) {
      const data = Buffer.alloc(100_000, `part ${count}`);
      await repository.upload(data, digestOf(data));
      await repository.blob({ digest: digestOf(data), size: data.length });
      expect(await repository.has(digestOf(Buffer.from(`none ${count}`)))).toBe(false);
    }
    expect(proxy.seen.length).toBeGreaterThan(40);
    expect(proxy.connections()).toBeLessThan(4);
    await Promise.all(Array.from({ length: 4 }, async () => await repository.blob(BLOB)));
    expect(proxy.connections()).toBeLessThan(8);
  });
});

describe('who asks', () => {
  it('is told by a token, which is asked for again when it has run out', async () => {
    const tokens: string[] = [];
    const asked: string[] = [];
    const server: RequestListener = (request, answer) => {
      asked.push(`${request.headers.authorization ?? ''} ${request.url ?? ''}`);
      tokens.push(`token${tokens.length}`);
      answer.end(JSON.stringify({ token: tokens.at(-1), expires_in: 3600 }));
    };
    const auth = join(folder, 'bearer.json');
    const entry = { auth: Buffer.from('u:secret').toString('base64') };
    await writeFile(auth, JSON.stringify({ auths: { [proxy.host]: entry } }));
    await withServer(server, async (url) => {
      const challenge = `Bearer realm="${url}/token",service="r",scope="repository:a/b:pull"`;
      proxy.meddle = ({ headers }, answer) => {
        if (headers.authorization === `Bearer ${tokens.at(-1) ?? '-'}`) return undefined;
        answer.writeHead(401, { 'www-authenticate': challenge }).end();
        return true;
      };
      const repository = await writable({ REGISTRY_AUTH_FILE: auth });
      expect((await repository.blob(BLOB)).equals(DATA)).toBe(true);
      expect(tokens).toHaveLength(1);
      tokens.push('another');
      await repository.upload(DATA, BLOB.digest);
      expect(tokens.length).toBeGreaterThan(2);
    });
    expect(asked[0]).toBe(
      `Basic ${entry.auth} /token?service=r&scope=repository%3Aa%2Fb%3Apull%2Cpush`,
    );
  });

  it('is exchanged where the login is an identity token', async () => {
    const auth = join(folder, 'identity.json');
    const entry = { auth: '', identitytoken: 'long-lived' };
    await writeFile(auth, JSON.stringify({ auths: { [proxy.host]: entry } }));
    const bodies: string[] = [];
    const server: RequestListener = (request, answer) => {
      let body = '';
      request.on('data', (piece: Buffer) => void (body += piece.toString()));
      request.on('end', () => {
        bodies.push(`${request.method ?? ''} ${body}`);
        answer.end('{"access_token":"t"}');
      });
    };
    await withServer(server, async (url) => {
      proxy.meddle = ({ headers }, answer) => {
        if (headers.authorization === 'Bearer t') return undefined;
        answer.writeHead(401, { 'www-authenticate': `Bearer realm="${url}/t"` }).end();
        return true;
      };
      await (await readable({ REGISTRY_AUTH_FILE: auth })).blob(BLOB);
    });
    expect(bodies[0]).toMatch(/^POST grant_type=refresh_token&.*&refresh_token=long-lived$/);
  });

  it('is told to nobody that it is redirected to', async () => {
    const auth = join(folder, 'basic.json');
    const entry = { auth: Buffer.from('u:secret').toString('base64') };
    await writeFile(auth, JSON.stringify({ auths: { [proxy.host]: entry } }));
    const told: (string | undefined)[] = [];
    const bucket: RequestListener = (request, answer) => {
      told.push(request.headers.authorization);
      answer.end(DATA);
    };
    await withServer(bucket, async (url) => {
      let seen: string | undefined;
      proxy.meddle = (passing, answer) => {
        if (passing.headers.authorization === undefined) {
          answer.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
          return true;
        }
        if (!passing.url.includes('/blobs/')) return undefined;
        seen = passing.headers.authorization;
        answer.writeHead(307, { location: `${url}/bucket?signed=1` }).end();
        return true;
      };
      const data = await (await readable({ REGISTRY_AUTH_FILE: auth })).blob(BLOB);
      expect(data.equals(DATA)).toBe(true);
      expect(seen).toBe(`Basic ${entry.auth}`);
    });
    expect(told).toEqual([undefined]);
  });

  it('is nobody, and is refused so', async () => {
    proxy.meddle = (_passing, answer) => {
      answer.writeHead(401, { 'www-authenticate': 'Basic realm="r"' }).end();
      return true;
    };
    await expect(readable()).rejects.toMatchObject({ code: 'REGISTRY_DENIED' });
  });
});

describe('a login', () => {
  it('comes from where the other programs keep theirs, the first that there is', async () => {
    const config = join(folder, 'config.json');
    const login = (user: string): { auth: string } => ({
      auth: Buffer.from(`${user}:p:w`).toString('base64'),
    });
    await writeFile(
      config,
      JSON.stringify({ auths: { 'r.io': login('all'), 'r.io/team': login('team') } }),
    );
    const env = { DOCKER_CONFIG: folder };
    expect(await credentialsFor('r.io', 'team/web', env)).toMatchObject({ user: 'team' });
    expect(await credentialsFor('r.io', 'other/web', env)).toEqual({
      kind: 'password',
      user: 'all',
      password: 'p:w',
    });
    expect(await credentialsFor('s.io', 'other/web', env)).toBeNull();
    await writeFile(config, '{"auths":{"r.io":{"auth":"!"}}}');
    await expect(credentialsFor('r.io', 'a', env)).rejects.toMatchObject({
      code: 'RECORD_INVALID',
    });
  });

  it('comes from helpers, whose names are no paths', async () => {
    const helper = join(folder, 'docker-credential-test');
    await writeFile(
      helper,
      '#!/bin/sh\nread server\n[ "$server" = r.io ] || { echo "credentials not found"; exit 1; }\n' +
        'echo "{\\"ServerURL\\":\\"$server\\",\\"Username\\":\\"u\\",\\"Secret\\":\\"s\\"}"\n',
    );
    await chmod(helper, 0o755);
    vi.stubEnv('PATH', `${folder}:${process.env['PATH'] ?? ''}`);
    const config = join(folder, 'config.json');
    const env = { DOCKER_CONFIG: folder };
    await writeFile(config, '{"credHelpers":{"r.io":"test"}}');
    const found = { kind: 'password', user: 'u', password: 's' };
    expect(await credentialsFor('r.io', 'a', env)).toEqual(found);
    await writeFile(config, '{"credsStore":"test","auths":{"r.io":{}}}');
    expect(await credentialsFor('r.io', 'a', env)).toEqual(found);
    expect(await credentialsFor('s.io', 'a', env)).toBeNull();
    await writeFile(config, '{"credsStore":"../test"}');
    await expect(credentialsFor('r.io', 'a', env)).rejects.toMatchObject({
      code: 'RECORD_INVALID',
    });
    await writeFile(config, '{"credsStore":"nobody-has-it"}');
    await expect(credentialsFor('r.io', 'a', env)).rejects.toMatchObject({ code: 'TOOL_MISSING' });
  });
});
