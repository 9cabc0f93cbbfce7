import { networkInterfaces } from 'node:os';
import { describe, expect } from 'vitest';
import { fetchSmall, request } from '../../src/http/request.js';
import { test } from './servers.js';

/** An address of this host that is not of its loopback: a server there counts as being elsewhere. */
const OUTSIDE = Object.values(networkInterfaces())
  .flat()
  .find((one) => one?.family === 'IPv4' && !one.internal)?.address;

const NO_PROXY = { env: {} };

async function textOf(url: string): Promise<string> {
  return (await fetchSmall({ url: new URL(url), ...NO_PROXY }, 1024)).toString();
}

describe('a redirection', () => {
  const NEAR = [
    'http://127.0.0.1:PORT/',
    'http://0.0.0.0:PORT/',
    'http://[::ffff:127.0.0.1]:PORT/',
    'http://localhost:PORT/',
    'http://2130706433:PORT/',
    'http://0x7f.1:PORT/',
    'http://127.1.2.3:PORT/',
    'http://[::1]:PORT/',
    'http://[::]:PORT/',
    'http://[0:0:0:0:0:ffff:7f00:1]:PORT/',
    'http://169.254.169.254/latest/',
    '//LOCALHOST:PORT/',
  ];
  for (const near of NEAR) {
    test.runIf(OUTSIDE !== undefined)(
      `from elsewhere to ${near} is not followed`,
      async ({ servers }) => {
        let asked = 0;
        const secret = await servers.http((_request, answer) => {
          asked += 1;
          answer.end('secret');
        }, '::');
        const location = near.replace('PORT', new URL(secret).port);
        const from = await servers.http((_request, answer) => {
          answer.writeHead(302, { location }).end();
        }, OUTSIDE);
        await expect(textOf(from)).rejects.toMatchObject({
          code: 'DOWNLOAD_FAILED',
          message: expect.stringContaining('which is not followed') as string,
        });
        expect(asked).toBe(0);
      },
    );
  }

  test.runIf(OUTSIDE !== undefined)(
    'by way of another redirection is judged by its last',
    async ({ servers }) => {
      const secret = await servers.http((_request, answer) => void answer.end('secret'));
      const from = await servers.http((asked, answer) => {
        const location = asked.url === '/' ? '/again' : secret;
        answer.writeHead(302, { location }).end();
      }, OUTSIDE);
      await expect(textOf(from)).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
    },
  );

  test('from this host to this host, and to elsewhere, is followed', async ({ servers }) => {
    const target = await servers.http((_request, answer) => void answer.end('there'));
    const other = await servers.http((_request, answer) => void answer.end('else'), OUTSIDE);
    const from = await servers.http((asked, answer) => {
      answer.writeHead(302, { location: asked.url === '/other' ? other : target }).end();
    });
    expect(await textOf(from)).toBe('there');
    expect(await textOf(`${from}other`)).toBe('else');
    expect(await textOf(from.replace('127.0.0.1', 'localhost'))).toBe('there');
  });
});

describe('a server that is asked for something small', () => {
  test('and is silent is given up', async ({ servers }) => {
    const url = new URL(await servers.raw(() => undefined));
    const asking = fetchSmall({ url, stallMs: 200, ...NO_PROXY }, 1024);
    await expect(asking).rejects.toMatchObject({
      message: expect.stringContaining('nothing has come for 0.2 s') as string,
    });
  });

  test('and drips is given up when its time is over', async ({ servers }) => {
    const url = new URL(
      await servers.raw((socket) => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        const timer = setInterval(() => socket.write('x'), 50);
        socket.on('close', () => clearInterval(timer));
      }),
    );
    const began = Date.now();
    const asking = fetchSmall({ url, deadlineMs: 400, ...NO_PROXY }, 1024);
    await expect(asking).rejects.toMatchObject({
      message: expect.stringContaining('it takes too long') as string,
    });
    expect(Date.now() - began).toBeLessThan(5000);
  });

  test('and drips its header, or redirects for ever and slowly, likewise', async ({ servers }) => {
    const drips = await servers.raw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nX: ');
      const timer = setInterval(() => socket.write('x'), 50);
      socket.on('close', () => clearInterval(timer));
    });
    const turns = await servers.http((_request, answer) => {
      setTimeout(() => answer.writeHead(302, { location: '/' }).end(), 150);
    });
    for (const url of [drips, turns]) {
      const asking = fetchSmall({ url: new URL(url), deadlineMs: 400, ...NO_PROXY }, 1024);
      await expect(asking).rejects.toMatchObject({
        message: expect.stringContaining('it takes too long') as string,
      });
    }
  });

  test('and sends too much is given up at once, announced or not', async ({ servers }) => {
    let sent = 0;
    const url = await servers.http((asked, answer) => {
      if (asked.url === '/announced') answer.setHeader('content-length', 1e9);
      const more = (): void => {
        while (!answer.destroyed && answer.write(Buffer.alloc(65536))) sent += 65536;
        if (!answer.destroyed) answer.once('drain', more);
      };
      more();
    });
    for (const path of ['', 'announced']) {
      await expect(textOf(url + path)).rejects.toMatchObject({
        message: expect.stringContaining('longer than the 1024 bytes') as string,
      });
    }
    expect(sent).toBeLessThan(64 * 1024 * 1024);
  });

  test('is not waited for when the user interrupts', async ({ servers }) => {
    const url = new URL(await servers.raw(() => undefined));
    const signal = AbortSignal.timeout(100);
    await expect(request({ url, signal, ...NO_PROXY })).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
