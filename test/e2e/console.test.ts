import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { describe, expect } from 'vitest';
import { RUN_SOCKETS, SOCKETS } from '../../src/qemu/machine.js';
import type { InstanceDir } from '../../src/store/instance-dir.js';
import { openConsole } from '../../src/vm/guest/open-console.js';
import { multipass, startMultipass } from '../support/command.js';
import { pretendToRun } from '../support/pretend-to-run.js';
import { errorOf } from '../support/refusal.js';
import { makeInstance, test as base } from '../support/store-fixture.js';
import { shellInTerminal, type TerminalSession } from './support/terminal.js';

/** An instance `web` that looks as if it ran, and the next one who connects to its console. */
const test = base.extend<{ dir: InstanceDir; guest: () => Promise<Socket> }>({
  dir: async ({ store }, use) => {
    const dir = await makeInstance(store.layout, 'web', { seed: null, data: 0 });
    await pretendToRun(dir);
    await mkdir(dir.runFile(SOCKETS));
    await use(dir);
  },
  guest: async ({ dir }, use) => {
    const server = createServer().listen(dir.runFile(RUN_SOCKETS.console));
    await once(server, 'listening');
    const connected = once(server, 'connection').then(([socket]) => socket as Socket);
    await use(() => connected);
    server.close();
    void connected.then((socket) => socket.destroy());
  },
});

async function reads(socket: Socket, text: string): Promise<void> {
  let read = '';
  while (!read.includes(text)) read += String((await once(socket, 'data'))[0]);
  expect(read).toBe(text);
}

/** `console web` in a terminal, of which the shell says afterwards whether it is as before. */
function inTerminal(store: string): TerminalSession {
  const command = `sh -c 'echo "pid $$"; exec "$NODE" "$BIN" console web'`;
  const script = `before=$(stty -g); ${command}; code=$?; [ "$(stty -g)" = "$before" ] && echo "as before: $code"`;
  return shellInTerminal(script, { store });
}

describe('console', () => {
  test('hands on every key but Ctrl-], and shows bytes as they are', async ({ root, guest }) => {
    const session = inTerminal(root);
    const socket = await guest();
    socket.write('\u001b[31mlogin: ');
    await session.sees(/\[31mlogin: $/);
    expect(session.written()).toContain('\u001b[31mlogin: ');
    session.type('\u0003\u001a\u0004a\r');
    await reads(socket, '\u0003\u001a\u0004a\r');
    session.type('bye\u001dnot this');
    await reads(socket, 'bye');
    expect(await session.exitCode).toBe(0);
    expect(session.written()).toMatch(/^as before: 0\r$/m);
  });

  test.for([
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('leaves the terminal as it was at a %s', async ([signal, code], { root, guest }) => {
    const session = inTerminal(root);
    (await guest()).write('login: ');
    await session.sees(/login: $/);
    const [, pid] = /^pid (\d+)\r$/m.exec(session.written()) ?? [];
    process.kill(Number(pid), signal);
    expect(await session.exitCode).toBe(0);
    expect(session.written()).toMatch(new RegExp(`^as before: ${code}\r$`, 'm'));
  });

  test('ends when the instance stops', async ({ root, guest }) => {
    const session = inTerminal(root);
    (await guest()).end('Power down\r\n');
    expect(await session.exitCode).toBe(0);
    expect(session.written()).toMatch(/^Power down\r$/m);
    expect(session.written()).toMatch(/^"web" has stopped\.\r$/m);
    expect(session.written()).toMatch(/^as before: 0\r$/m);
  });

  test('reads a pipe to its end and goes on, Ctrl-] and all', async ({ root, guest }) => {
    const input = 'poweroff\n\u001d\n';
    const { finished } = startMultipass(['console', 'web'], { store: root, input });
    const socket = await guest();
    await reads(socket, input);
    socket.end(Buffer.from([0x1b, 0x5b, 0x6d, 0x0a]));
    expect(await finished).toEqual({
      stdout: '\u001b[m\n',
      stderr: '\n"web" has stopped.\n',
      exitCode: 0,
    });
  });

  test('is for one at a time', async ({ store: { layout }, guest }) => {
    {
      await using first = await openConsole({ layout, name: 'web' });
      const { message } = await errorOf(
        openConsole({ layout, name: 'web' }),
        'CONSOLE_UNAVAILABLE',
      );
      expect(message).toBe('the console of "web" is in use');
      expect(first.socket.destroyed).toBe(false);
    }
    await using again = await openConsole({ layout, name: 'web' });
    expect(again.socket.destroyed).toBe(false);
    await guest();
  });

  test('is told of an instance that an older version has started', async ({ root, dir }) => {
    expect(dir.name).toBe('web');
    expect(await multipass(['console', 'web'], { store: root })).toEqual({
      stdout: '',
      stderr:
        'console failed: "web" was started by an older version, which made no console for it\n' +
        '  hint: Stop and start it: `multipass stop web`, then `multipass start web`.\n',
      exitCode: 2,
    });
  });
});
