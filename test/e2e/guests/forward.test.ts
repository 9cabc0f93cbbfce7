import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createConnection, createServer } from 'node:net';
import { describe, expect } from 'vitest';
import { freeLoopbackPort } from '../../../src/net/user-network.js';
import { traceBinds } from '../support/traced-binds.js';
import { kill, qemuOf, test as base, type GuestStore } from './support.js';

/** The tests of this file are the steps of one story: each goes on where the one before it ended. */

interface Ports {
  readonly web: number;
  readonly dns: number;
  readonly other: number;
}

const test = base.extend<{ ports: Ports }>({
  ports: [
    // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
    async ({}, use) => {
      const [web, dns, other] = [
        await freeLoopbackPort(),
        await freeLoopbackPort(),
        await freeLoopbackPort(),
      ];
      await use({ web, dns, other });
    },
    { scope: 'file' },
  ],
});

const SERVER =
  'mkdir -p /tmp/www; echo hello >/tmp/www/index.html; sudo busybox httpd -p 80 -h /tmp/www';

/** @returns what the web server says, or the error's code */
async function page(port: number): Promise<string> {
  return await new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    let text = '';
    socket.setEncoding('utf8').setTimeout(10_000, () => socket.destroy());
    socket.on('data', (piece: string) => (text += piece));
    socket.on('error', (error) => (text ||= (error as NodeJS.ErrnoException).code ?? ''));
    socket.on('close', () => resolve(text.split('\r\n\r\n').at(-1)!.trim()));
    socket.write('GET / HTTP/1.0\r\n\r\n');
  });
}

/** Datagrams that the guest has had for ports that nobody listens on: it has no server of UDP. */
async function datagrams({ sh }: GuestStore): Promise<number> {
  return Number(await sh('web', `awk '/^Udp: [0-9]/ { print $3 }' /proc/net/snmp`));
}

/** Whether datagrams to a port of the host reach the guest. */
async function expectDatagrams(guests: GuestStore, port: number): Promise<void> {
  const before = await datagrams(guests);
  const socket = createSocket('udp4');
  const again = setInterval(() => socket.send('to web', port, '127.0.0.1'), 100);
  try {
    await expect
      .poll(() => datagrams(guests), { timeout: 20_000, interval: 500 })
      .toBeGreaterThan(before + 2);
  } finally {
    clearInterval(again);
    socket.close();
  }
}

/** `web 127.0.0.1:8080 active`, … */
async function states({ ok }: GuestStore): Promise<string[]> {
  const lines = (await ok(['forwards', '--format', 'csv'])).trim().split('\n').slice(1);
  return lines.map((line) => {
    const [, , port = '', guest, , state, , program] = line.split(',');
    return [port, guest, state, program].join(' ').trim();
  });
}

describe.each([
  ['QEMU’s own network', 'user'],
  ['the network that instances share', 'shared'],
])('forwards, on %s', (_, network) => {
  test('are there from the launch on, of TCP and of UDP', async ({ guests, ports }) => {
    await guests.ok(['set', `local.network=${network}`]);
    const forwards = [`${ports.web}:80`, `${ports.dns}:53/udp`];
    await using trace = await traceBinds();
    const words = ['launch', guests.image, '--name', 'web', '--memory', '512M'];
    const { stderr, exitCode } = await guests.multipass(
      [...words, ...forwards.flatMap((one) => ['--forward', one])],
      { through: trace.through },
    );
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    // Nothing listens that was not asked for, and nothing beyond this host.
    const bound = await trace.bound();
    expect(bound).toEqual(
      expect.arrayContaining([`127.0.0.1:${ports.web}`, `127.0.0.1:${ports.dns}`]),
    );
    expect(bound.filter((place) => !place.startsWith('127.0.0.1:'))).toEqual([]);
    await guests.sh('web', SERVER);
    expect(await page(ports.web)).toBe('hello');
    await expectDatagrams(guests, ports.dns);
    expect(await states(guests)).toEqual([`${ports.web} 80 active`, `${ports.dns} 53 active`]);
  });

  test('come and go while it runs', async ({ guests, ports }) => {
    await guests.ok(['forward', 'web', `${ports.other}:80`]);
    expect(await page(ports.other)).toBe('hello');
    const info = JSON.parse(await guests.ok(['info', 'web', '--format', 'json'])) as {
      info: { web: { forwards: unknown[] } };
    };
    expect(info.info.web.forwards.at(-1)).toEqual({
      instance: 'web',
      address: '127.0.0.1',
      host_port: ports.other,
      guest_port: 80,
      protocol: 'tcp',
      state: 'active',
      blocked_by: null,
    });
    await guests.ok(['forward', 'web', '--remove', String(ports.other)]);
    expect(await page(ports.other)).toBe('ECONNREFUSED');
    const listening = await guests.ok(['forward', 'web', '--list']);
    expect(listening).not.toContain(String(ports.other));
  });

  test('are told when another program has the port', async ({ guests, ports }) => {
    const server = createServer().listen(ports.other, '127.0.0.1');
    await once(server, 'listening');
    const words = ['forward', 'web', `${ports.other}:80`];
    const { stderr, exitCode } = await guests.multipass(words);
    expect({ stderr, exitCode }).toEqual({
      stderr: expect.stringMatching(
        `forward failed: 127.0.0.1:${ports.other} is taken by ".+" \\(pid ${process.pid}\\)`,
      ) as string,
      exitCode: 2,
    });
    expect(await states(guests)).toHaveLength(2);
    await guests.ok(['suspend', 'web']);
    await guests.multipass(words);
    const started = await guests.multipass(['start', 'web']);
    expect(started.stderr).toContain(
      `"web" is without a forward: 127.0.0.1:${ports.other} is taken by "`,
    );
    expect(started.stderr).toContain(`(pid ${process.pid})`);
    // Those that could be made are, in the machine that was resumed.
    expect(await page(ports.web)).toBe('hello');
    await expectDatagrams(guests, ports.dns);
    const [, , blocked] = await states(guests);
    expect(blocked).toMatch(new RegExp(`^${ports.other} 80 blocked .`));
    server.close();
    await once(server, 'close');
    await guests.ok(words);
    expect(await page(ports.other)).toBe('hello');
  });

  test('end with the machine, however that ends', async ({ guests, ports }) => {
    kill(qemuOf(guests.layout, 'web').pid);
    await expect.poll(() => page(ports.web)).toBe('ECONNREFUSED');
    expect(await states(guests)).toEqual([
      `${ports.web} 80 stopped`,
      `${ports.dns} 53 stopped`,
      `${ports.other} 80 stopped`,
    ]);
    await guests.ok(['delete', '--purge', 'web']);
    expect(await states(guests)).toEqual([]);
  });
});
