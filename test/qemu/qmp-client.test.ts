import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { describe, expect, vi } from 'vitest';
import { QmpClient, type QmpEvent } from '../../src/qemu/qmp-client.js';
import { SOCKET, test } from './live-qemu.js';

describe('a conversation', () => {
  test('answers each command with what QEMU says, whatever the order', async ({ live }) => {
    await using client = await live.connect();
    const [status, name, kvm] = await Promise.all([
      client.execute('query-status'),
      client.execute('query-name'),
      client.execute('qom-get', { path: '/machine', property: 'type' }),
    ]);
    expect(status).toMatchObject({ status: 'prelaunch', running: false });
    expect(name).toEqual({});
    expect(kvm).toBe('none-machine');
  });

  test('goes on after a command that QEMU refuses, whose words it tells', async ({ live }) => {
    await using client = await live.connect();
    await expect(client.execute('make-coffee', { sugar: 2 })).rejects.toMatchObject({
      code: 'QMP_FAILED',
      message: 'QEMU refused "make-coffee": The command make-coffee has not been found',
      details: { command: 'make-coffee' },
    });
    expect(await client.execute('query-status')).toMatchObject({ running: false });
  });

  test('tells events to all who listen, and no more to those who have left', async ({ live }) => {
    await using client = await live.connect();
    const [stays, leaves]: [QmpEvent[], QmpEvent[]] = [[], []];
    client.onEvent((event) => stays.push(event));
    const leave = client.onEvent((event) => leaves.push(event));
    await client.execute('cont');
    await client.execute('stop');
    leave();
    await client.execute('cont');
    await client.execute('query-status');
    expect(stays.map(({ event }) => event)).toEqual(['RESUME', 'STOP', 'RESUME']);
    expect(leaves.map(({ event }) => event)).toEqual(['RESUME', 'STOP']);
  });

  test('ends with QEMU: what is unanswered and what comes after fails', async ({ live }) => {
    await using client = await live.connect();
    live.process.kill('SIGSTOP');
    const unanswered = client.execute('query-status').catch((error: unknown) => error);
    live.process.kill('SIGKILL');
    expect(await unanswered).toMatchObject({
      code: 'QMP_FAILED',
      message: 'QEMU ended before it answered "query-status"',
    });
    await client.closed;
    expect(client.hasEnded()).toBe(true);
    await expect(client.execute('query-name')).rejects.toMatchObject({
      message: 'QEMU ended before it answered "query-name"',
    });
  });

  test('hears the farewell of a QEMU that is told to quit', async ({ live }) => {
    await using client = await live.connect();
    const events: QmpEvent[] = [];
    client.onEvent((event) => events.push(event));
    await client.execute('quit');
    await client.closed;
    expect(events).toEqual([
      { event: 'SHUTDOWN', data: { guest: false, reason: 'host-qmp-quit' } },
    ]);
  });
});

describe('what cannot be read', () => {
  test.for([
    ['no JSON', 'what?\n', /^what QEMU says cannot be read: .*JSON/],
    [
      'nested too deep',
      `${'['.repeat(5000)}\n`,
      /^what QEMU says cannot be read: it is nested more/,
    ],
  ] as const)('is no answer that is waited for: %s', async ([, said, told], { folder }) => {
    let heard = 0;
    const server = await serve(folder, (socket) => {
      socket.on('error', () => undefined);
      socket.write('{"QMP": {}}\n');
      socket.on('data', () => {
        heard += 1;
        socket.write(heard === 1 ? '{"return": {}, "id": 1}\n' : said);
      });
    });
    const client = await QmpClient.connect(folder, SOCKET);
    const refusal = { code: 'QMP_FAILED', message: expect.stringMatching(told) as string };
    await expect(client.execute('query-status')).rejects.toMatchObject(refusal);
    await client.closed;
    await expect(client.execute('query-name')).rejects.toMatchObject(refusal);
    server.close();
  });
});

describe('connecting', () => {
  test('waits while another client talks to QEMU', async ({ live }) => {
    const first = await live.connect();
    const answered = vi.fn();
    const second = live.connect().then((client) => {
      answered();
      return client;
    });
    await first.execute('query-status');
    expect(answered).not.toHaveBeenCalled();
    await first[Symbol.asyncDispose]();
    await using client = await second;
    expect(await client.execute('query-status')).toMatchObject({ running: false });
  });

  test('stops waiting when it is told to', async ({ live }) => {
    await using first = await live.connect();
    const controller = new AbortController();
    const second = live.connect(controller.signal).catch((error: unknown) => error);
    await first.execute('query-status');
    controller.abort();
    expect(await second).toMatchObject({ code: 'ABORTED' });
    await expect(live.connect(AbortSignal.abort())).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await first.execute('query-status')).toMatchObject({ running: false });
  });

  test('fails with what the system says when nobody listens', async ({ folder }) => {
    await expect(QmpClient.connect(folder, SOCKET)).rejects.toMatchObject({ code: 'ENOENT' });
    await writeFile(join(folder, SOCKET), '');
    await expect(QmpClient.connect(folder, SOCKET)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('fails when QEMU hangs up before it has greeted', async ({ folder }) => {
    const server = await serve(folder, (socket) => socket.destroy());
    // It may come at any moment, the first one included.
    for (let time = 0; time < 100; time += 1) {
      await expect(QmpClient.connect(folder, SOCKET)).rejects.toMatchObject({
        code: 'QMP_FAILED',
        message: 'QEMU ended before it answered "qmp_capabilities"',
      });
    }
    server.close();
  });
});

describe('the lines of QEMU', () => {
  test('may come in any pieces, and those that are no answer are passed over', async ({
    folder,
  }) => {
    const server = await serve(folder, (socket) => {
      socket.write('{"QMP": {}}\r\n');
      socket.on('data', (data) => {
        const { id } = JSON.parse(data.toString()) as { id: number };
        const answer = `[1]\r\n{"return": "lost", "id": 999}\r\n\r\n{"return": "föö", "id": ${id}}\r\n`;
        for (const byte of Buffer.from(answer)) socket.write(Buffer.of(byte));
      });
    });
    const client = await QmpClient.connect(folder, SOCKET);
    expect(await client.execute('anything')).toBe('föö');
    await client[Symbol.asyncDispose]();
    server.close();
  });
});

type Connection = Parameters<Parameters<typeof createServer>[1] & object>[0];

/** What stands in for QEMU where a real one does not misbehave. */
async function serve(folder: string, talk: (socket: Connection) => void): Promise<Server> {
  const server = createServer(talk);
  server.listen(join(folder, SOCKET));
  await once(server, 'listening');
  return server;
}
