import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { askOnce, TooNear, type HttpRequest } from '../../src/http/ask.js';
import { KeptSockets } from '../../src/http/kept-sockets.js';
import { test } from './servers.js';

/** Asks by the same connections, and reads the answer. */
function asker(url: string) {
  const sockets = new KeptSockets();
  return async (path: string, more: Partial<HttpRequest> = {}, most: 0 | 3 = 3) => {
    const answer = await askOnce({ url: new URL(path, url), env: {}, sockets, ...more }, most);
    let text = '';
    for await (const piece of answer.body()) text += Buffer.from(piece).toString();
    // Its connection is free in the next turn.
    await sleep(5);
    return `${answer.status} ${text}`;
  };
}

describe('a connection that is kept', () => {
  test('is used for the next request, and only when it is free', async ({ servers }) => {
    const used: (Socket | undefined)[] = [];
    const url = await servers.http((request, answer) => {
      used.push(request.socket);
      request.resume().on('end', () => void answer.end(request.url));
    });
    const ask = asker(url);
    const body = Buffer.alloc(1024 ** 2);
    expect(await ask('/1')).toBe('200 /1');
    expect(await ask('/2', { method: 'PUT', body })).toBe('200 /2');
    expect(await ask('/3', { method: 'POST' })).toBe('200 /3');
    expect(new Set(used).size).toBe(1);
    await Promise.all(['/4', '/5', '/6'].map(async (path) => await ask(path)));
    expect(new Set(used).size).toBe(3);
    await ask('/7', { method: 'PATCH', body });
    expect(new Set(used).size).toBe(3);
  });

  test('is freed by an answer that nobody wants, if that is short', async ({ servers }) => {
    const used = new Set<Socket>();
    const url = await servers.http((request, answer) => {
      used.add(request.socket);
      const length = request.url === '/long' ? 10 * 1024 ** 2 : 1000;
      answer.writeHead(200, { 'content-length': String(length) }).end(Buffer.alloc(length));
    });
    const sockets = new KeptSockets();
    const cancel = async (path: string, method: 'GET' | 'HEAD' = 'GET') => {
      (await askOnce({ url: new URL(path, url), env: {}, sockets, method }, 3)).cancel();
      await sleep(20);
    };
    await cancel('/short');
    await cancel('/short');
    await cancel('/long', 'HEAD');
    expect(used.size).toBe(1);
    await cancel('/long');
    await cancel('/short');
    expect(used.size).toBe(2);
  });

  test('is not used after a refusal before all was sent', async ({ servers }) => {
    const used = new Set<Socket>();
    const url = await servers.http((request, answer) => {
      used.add(request.socket);
      answer.writeHead(request.method === 'PUT' ? 413 : 200).end('x');
    });
    const ask = asker(url);
    const body = Buffer.alloc(64 * 1024 ** 2);
    expect(await ask('/', { method: 'PUT', body })).toBe('413 x');
    expect(await ask('/')).toBe('200 x');
    expect(used.size).toBe(2);
  });

  test('that the server has closed is replaced, for who only reads', async ({ servers }) => {
    let answers = 0;
    const used = new Set<Socket>();
    const url = await servers.http((request, answer) => {
      used.add(request.socket);
      answers += 1;
      // Each second request on a connection meets its end.
      if (answers % 2 === 0) request.socket.destroy();
      else answer.end('x');
    });
    const ask = asker(url);
    expect(await ask('/')).toBe('200 x');
    expect(await ask('/')).toBe('200 x');
    expect(used.size).toBe(2);
    expect(answers).toBe(3);
    answers = 0;
    expect(await ask('/')).toBe('200 x');
    await expect(ask('/', { method: 'POST' })).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
    expect(answers).toBe(2);
  });

  test('is judged as a new one is, by where it leads', async ({ servers }) => {
    const ask = asker(await servers.http((_request, answer) => void answer.end('x')));
    expect(await ask('/')).toBe('200 x');
    await expect(ask('/', {}, 0)).rejects.toThrow(TooNear);
    expect(await ask('/')).toBe('200 x');
  });

  test('is no other server’s, and goes when that closes it or says more', async ({ servers }) => {
    const sockets = new KeptSockets();
    const peers: Socket[] = [];
    const url = new URL(
      await servers.raw((socket) => {
        peers.push(socket);
        socket.on('data', () => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx'));
      }),
    );
    const ask = asker(url.href);
    await ask('/', { sockets });
    await ask('/', { sockets });
    expect(peers).toHaveLength(1);
    expect(sockets.take('http://127.0.0.1:1 ')).toBeUndefined();
    const [first] = peers;
    first!.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil');
    await once(first!, 'close');
    expect(await ask('/', { sockets })).toBe('200 x');
    expect(peers).toHaveLength(2);
    peers[1]!.end();
    await sleep(50);
    expect(sockets.take(`${url.origin} `)).toBeUndefined();
  });
});
