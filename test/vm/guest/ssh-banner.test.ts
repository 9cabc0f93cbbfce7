import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { answersSsh } from '../../../src/vm/guest/ssh-banner.js';

/** Asks a server that does this with each connection. */
async function ask(talk: (socket: Socket) => void): Promise<boolean> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    talk(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    return await answersSsh({ host: '127.0.0.1', port });
  } finally {
    server.close();
  }
}

describe('answersSsh', () => {
  it('knows an ssh server by what it says first', async () => {
    expect(await ask((socket) => socket.write('SSH-2.0-dropbear_2022.83\r\n'))).toBe(true);
  });

  it.for<[string, (socket: Socket) => void]>([
    ['says something else', (socket) => socket.write('220 mail.example.org\r\n')],
    ['hangs up, as a forwarded port does without a guest', (socket) => socket.end()],
    ['resets the connection', (socket) => socket.resetAndDestroy()],
  ])('knows that one is none that %s', async ([, talk]) => {
    expect(await ask(talk)).toBe(false);
  });

  it('has no answer from a port that nobody has', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    expect(await answersSsh({ host: '127.0.0.1', port })).toBe(false);
  });

  it('asks again beside a connection that nobody has answered, as one that came too early', async () => {
    let asked = 0;
    const began = performance.now();
    const answer = await ask((socket) => {
      asked += 1;
      if (asked === 2) socket.write('SSH-2.0-dropbear_2022.83\r\n');
    });
    expect({ answer, asked }).toEqual({ answer: true, asked: 2 });
    expect(performance.now() - began).toBeLessThan(4500);
  });

  it('does not wait for ever for one that says nothing', async () => {
    expect(await ask((socket) => setTimeout(() => socket.destroy(), 8000).unref())).toBe(false);
  });
});
