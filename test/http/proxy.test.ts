import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { proxyFor } from '../../src/http/proxy.js';
import { fetchSmall } from '../../src/http/request.js';
import { run } from '../../src/process/run.js';
import { test } from './servers.js';

async function textOf(url: string, env: Record<string, string>): Promise<string> {
  return (await fetchSmall({ url: new URL(url), env }, 1024)).toString();
}

describe('a proxy', () => {
  for (const variable of ['http_proxy', 'HTTP_PROXY']) {
    test(`is asked in place of the server by ${variable}`, async ({ servers }) => {
      const server = await servers.http((asked, answer) => void answer.end(asked.headers.host));
      const proxy = await servers.proxy();
      const url = server.replace('127.0.0.1', 'images.example');
      const env = { [variable]: proxy.url.replace('//', '//me:pass%20word@') };
      expect(await textOf(url, env)).toBe(new URL(url).host);
      const authorization = `Basic ${Buffer.from('me:pass word').toString('base64')}`;
      expect(proxy.seen).toEqual([{ method: 'GET', target: url, authorization }]);
    });
  }

  test('is not asked for what no_proxy names', async ({ servers }) => {
    const server = await servers.http((_request, answer) => void answer.end('here'));
    const proxy = await servers.proxy();
    expect(await textOf(server, { http_proxy: proxy.url, no_proxy: 'a.example, 127.0.0.1' })).toBe(
      'here',
    );
    expect(await textOf(server, { http_proxy: proxy.url, NO_PROXY: '*' })).toBe('here');
    expect(proxy.seen).toEqual([]);
    expect(await textOf(server, { http_proxy: proxy.url })).toBe('here');
    expect(proxy.seen).toHaveLength(1);
  });

  test('does not help a server elsewhere to lead here', async ({ servers }) => {
    const secret = await servers.http((_request, answer) => void answer.end('secret'));
    const from = await servers.http((_request, answer) => {
      answer.writeHead(302, { location: secret }).end();
    });
    const proxy = await servers.proxy();
    const url = from.replace('127.0.0.1', 'images.example');
    await expect(textOf(url, { http_proxy: proxy.url })).rejects.toMatchObject({
      message: expect.stringContaining('which is not followed') as string,
    });
    expect(proxy.seen).toHaveLength(1);
    expect(await textOf(from, { http_proxy: proxy.url })).toBe('secret');
  });

  test('that refuses, or is none, is told as such', async ({ servers }) => {
    const refuses = await servers.raw((socket) => socket.end('HTTP/1.1 407 Who are you\r\n\r\n'));
    await expect(textOf('https://images.example/', { https_proxy: refuses })).rejects.toMatchObject(
      {
        code: 'DOWNLOAD_FAILED',
        message: expect.stringContaining('answers 407') as string,
      },
    );
    for (const https_proxy of ['socks5://127.0.0.1:1080', 'http://', '::']) {
      await expect(textOf('https://images.example/', { https_proxy })).rejects.toMatchObject({
        code: 'SETTING_INVALID',
      });
    }
  });

  test('passes https on by a tunnel, and is not trusted in the place of the server', async ({
    servers,
  }) => {
    const folder = await mkdtemp(join(tmpdir(), 'multipass-tls-'));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const subject = ['-subj', '/CN=images.example', '-addext', 'subjectAltName=DNS:images.example'];
    const make = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject];
    await run('openssl', [...make, '-keyout', key, '-out', cert]);
    const tls = { key: await readFile(key), cert: await readFile(cert) };
    const plain = await servers.http((_request, answer) => void answer.end('plain'));
    const server = createServer(tls, (asked, answer) => {
      if (asked.url === '/down') answer.writeHead(302, { location: plain }).end();
      else answer.end('secure');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const proxy = await servers.proxy();
    const ask = async (host: string, path: string, ca: string): Promise<string> => {
      const args = [
        'scripts/run-ts.mjs',
        'test/http/ask-worker.ts',
        `https://${host}:${port}${path}`,
      ];
      const env = { ...process.env, NODE_EXTRA_CA_CERTS: ca, HTTPS_PROXY: proxy.url, no_proxy: '' };
      return (await promisify(execFile)('node', args, { env })).stdout;
    };
    try {
      expect(await ask('images.example', '/', cert)).toBe('secure');
      expect(await ask('images.example', '/down', cert)).toMatch(/which is not followed/);
      expect(await ask('other.example', '/', cert)).toMatch(/DOWNLOAD_FAILED.*other\.example/);
      expect(await ask('images.example', '/', '')).toMatch(/DOWNLOAD_FAILED.*self-signed/);
      expect(proxy.seen[0]).toMatchObject({ method: 'CONNECT', target: `images.example:${port}` });
    } finally {
      server.close();
      server.closeAllConnections();
      await rm(folder, { recursive: true });
    }
  });
});

describe('no_proxy', () => {
  test.for([
    ['http://a.example/', 'a.example', false],
    ['http://b.a.example/', '.a.example', false],
    ['http://b.a.example/', '*.a.example', false],
    ['http://ba.example/', 'a.example', true],
    ['http://a.example:8080/', 'a.example:8080', false],
    ['http://a.example/', 'a.example:8080', true],
    ['http://a.example/', 'A.EXAMPLE', false],
    ['http://[::1]/', '::1', false],
    ['http://[::1]:81/', '[::1]:81', false],
    ['http://a.example/', '', true],
  ] as const)('%s with "%s" goes through it: %s', ([url, no_proxy, isProxied]) => {
    const found = proxyFor(new URL(url), { http_proxy: 'proxy.example:3128', no_proxy });
    expect(found?.href).toBe(isProxied ? 'http://proxy.example:3128/' : undefined);
  });
});
