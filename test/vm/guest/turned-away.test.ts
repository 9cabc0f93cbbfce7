import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { StoreLayout } from '../../../src/store/layout.js';
import { enterGuest, runInGuest, type Guest } from '../../../src/vm/guest/ssh.js';
import { wasTurnedAway, whileTurnedAway } from '../../../src/vm/guest/turned-away.js';
import { test as base } from '../../support/store-fixture.js';

const execute = promisify(execFile);

/** How many a dropbear lets stand at its door from one address. */
const AT_THE_DOOR = 5;

const AUTHENTICATED =
  'sshconnect2.c:ssh_userauth2():580 (pid=1): Authenticated to 127.0.0.1 ([127.0.0.1]:2298) using "publickey".';
const AWAY = 'kex_exchange_identification: Connection closed by remote host';

function guestIn(root: string, port: number): Guest {
  const layout = new StoreLayout(root);
  const address = { host: '127.0.0.1', port };
  return { layout, dir: layout.instance('web'), user: 'nobody', key: 'id_ed25519', address };
}

const test = base.extend<{ server: Guest; ssh: (script: string) => Promise<Guest> }>({
  // A real server, which nobody can log in to.
  server: async ({ root }, use) => {
    const port = await freePort();
    const guest = guestIn(root, port);
    await mkdir(guest.dir.run, { recursive: true });
    await mkdir(guest.layout.keys);
    const key = guest.layout.key(guest.key);
    await execute('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    await execute('dropbearkey', ['-t', 'ed25519', '-f', join(root, 'hostkey')]);
    const words = ['-F', '-s', '-r', join(root, 'hostkey'), '-p', `127.0.0.1:${port}`];
    const dropbear: ChildProcess = spawn('dropbear', words, { stdio: 'ignore' });
    await use(guest);
    dropbear.kill();
  },
  // A program in the place of ssh.
  ssh: async ({ root }, use) => {
    await use(async (script) => {
      const folder = join(root, 'bin');
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'ssh'), `#!/bin/sh\n${script}\n`);
      await chmod(join(folder, 'ssh'), 0o755);
      vi.stubEnv('PATH', `${folder}${delimiter}${process.env['PATH'] ?? ''}`);
      return guestIn(root, 1);
    });
  },
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Stands at the door of a server until it has said its banner. */
async function standAtTheDoor(port: number): Promise<Socket> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const banner = await Promise.race([
      once(socket, 'data').catch(() => undefined),
      once(socket, 'close').then(() => undefined),
    ]);
    if (banner !== undefined) return socket;
    await delay(50);
  }
}

describe('wasTurnedAway', () => {
  it.each([
    AWAY,
    'kex_exchange_identification: read: Connection reset by peer\nConnection reset by 127.0.0.1 port 2222',
    'ssh_exchange_identification: Connection closed by remote host',
    'banner exchange: Connection to 127.0.0.1 port 22: Connection closed',
    'packet.c:sshpkt_vfatal():1920 (pid=22831): Connection reset by 127.0.0.1 port 2299\r\n',
    'packet.c:sshpkt_vfatal():1920 (pid=1): Connection closed by 127.0.0.1 port 2299\r\n',
  ])('is what says %j', (complaint) => {
    expect(wasTurnedAway(complaint)).toBe(true);
  });

  it.each([
    '',
    'ssh: connect to host 127.0.0.1 port 1: Connection refused',
    'Connection to 127.0.0.1 closed by remote host.',
    'client_loop: send disconnect: Broken pipe',
    'nobody@127.0.0.1: Permission denied (publickey).',
    `${AUTHENTICATED}\r\npacket.c:sshpkt_vfatal():1920 (pid=1): Connection closed by 127.0.0.1 port 2299\r\n`,
  ])('is not what says %j: it may have run', (complaint) => {
    expect(wasTurnedAway(complaint)).toBe(false);
  });
});

describe('a guest whose door is full', () => {
  test('is asked again until there is room', async ({ server }) => {
    const { port } = server.address;
    const crowd = await Promise.all(
      Array.from({ length: AT_THE_DOOR }, () => standAtTheDoor(port)),
    );
    // It is full: so says ssh itself.
    await expect(runInGuest(server, 'true', { persistent: false })).rejects.toMatchObject({
      code: 'SSH_FAILED',
      cause: { stderr: expect.stringContaining('kex_exchange_identification') as string },
    });
    const leaving = delay(1000).then(() => crowd.forEach((socket) => socket.destroy()));
    // In the end it comes to who we are.
    await expect(runInGuest(server, 'true')).rejects.toMatchObject({
      code: 'SSH_FAILED',
      message: expect.stringContaining('Permission denied') as string,
    });
    await leaving;
  });
});

describe('a guest that hangs up behind its banner', () => {
  test('is asked again, and what ssh keeps to itself is told', async ({ root }) => {
    let tries = 0;
    const door = createServer((socket) => {
      tries += 1;
      socket.on('error', () => undefined);
      socket.write('SSH-2.0-Guest\r\n');
      socket.once('data', () => socket.destroy());
    }).listen(0, '127.0.0.1');
    await once(door, 'listening');
    try {
      const guest = guestIn(root, (door.address() as AddressInfo).port);
      await mkdir(guest.dir.run, { recursive: true });
      await expect(runInGuest(guest, 'true', { persistent: false })).rejects.toMatchObject({
        code: 'SSH_FAILED',
        message: expect.stringMatching(/: Connection (?:closed|reset) by 127\.0\.0\.1/) as string,
      });
      expect(tries).toBe(1);
      const ended = new AbortController();
      const again = runInGuest(guest, 'true', { signal: ended.signal });
      await vi.waitFor(() => expect(tries).toBeGreaterThan(3), 20_000);
      ended.abort();
      await expect(again).rejects.toMatchObject({ code: 'ABORTED' });
    } finally {
      door.close();
    }
  });
});

describe('one that is turned away', () => {
  const LOG = 'while [ "$1" != -E ]; do shift; done; log=$2';
  const TWICE = `${LOG}; echo x >>tries; [ $(wc -l <tries) -gt 2 ] || { echo "${AWAY}" >>"$log"; exit 255; }`;

  test('comes again, and runs its command once', async ({ ssh }) => {
    const guest = await ssh(`${TWICE}; echo done; exit 7`);
    const ended = await runInGuest(guest, 'x', { okExitCodes: [7] });
    expect(ended).toMatchObject({ stdout: 'done', exitCode: 7 });
    expect(await readFile(join(guest.layout.root, 'tries'), 'utf8')).toBe('x\nx\nx\n');
  });

  test('does so on the streams of this process, and says nothing of it', async ({ ssh }) => {
    const tell = vi.fn<(text: string) => void>();
    const guest = await ssh(`${TWICE}; echo "${AUTHENTICATED}" >>"$log"; exit 7`);
    expect(await enterGuest(guest, { command: 'x', terminal: false, tell })).toBe(7);
    expect(tell).not.toHaveBeenCalled();
  });

  test('is told what ssh says of another failure, which is final', async ({ ssh }) => {
    const tell = vi.fn<(text: string) => void>();
    const guest = await ssh(`${LOG}; echo x >>tries; echo 'Connection refused' >"$log"; exit 255`);
    expect(await enterGuest(guest, { command: null, terminal: false, tell })).toBe(255);
    expect(tell).toHaveBeenCalledExactlyOnceWith('Connection refused\n');
    expect(await readFile(join(guest.layout.root, 'tries'), 'utf8')).toBe('x\n');
  });

  it('gives up in the end', async () => {
    let tries = 0;
    const attempt = (): Promise<{ turnedAway: boolean; result: number }> =>
      Promise.resolve({ turnedAway: true, result: (tries += 1) });
    expect(await whileTurnedAway(attempt, { limitMs: 1000 })).toBe(tries);
    expect(tries).toBeGreaterThan(1);
  });

  it('can be interrupted', async () => {
    const attempt = (): Promise<{ turnedAway: boolean; result: null }> =>
      Promise.resolve({ turnedAway: true, result: null });
    const trying = whileTurnedAway(attempt, { signal: AbortSignal.timeout(300) });
    await expect(trying).rejects.toMatchObject({ code: 'ABORTED' });
  });
});
