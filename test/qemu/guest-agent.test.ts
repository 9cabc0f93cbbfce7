import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test as base } from 'vitest';
import { GuestAgent } from '../../src/qemu/guest-agent.js';

/** What stands in for an agent: gets the commands as they come, and says what it likes. */
type Behaviour = (command: Command, say: (text: string | Buffer) => void, socket: Socket) => void;

interface Command {
  readonly execute: string;
  readonly arguments?: { readonly id: number };
}

const test = base.extend<{ folder: string; agent: (behaviour: Behaviour) => Promise<void> }>({
  // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
  folder: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), 'multipass-ts-agent-'));
    await use(folder);
    await rm(folder, { recursive: true, force: true });
  },
  agent: async ({ folder }, use) => {
    const servers: Server[] = [];
    await use(async (behaviour) => {
      const server = createServer((socket) => {
        socket.setEncoding('latin1');
        socket.on('error', () => undefined);
        socket.on('data', (data: string) => {
          for (const line of data.replaceAll('\xff', '').split('\n').filter(Boolean)) {
            behaviour(JSON.parse(line) as Command, (text) => socket.write(text), socket);
          }
        });
      });
      server.listen(join(folder, 'agent.sock'));
      await once(server, 'listening');
      servers.push(server);
    });
    for (const server of servers) server.close();
  },
});

const DELIMITER = Buffer.from([0xff]);

/** As qemu-ga does. */
const sound: Behaviour = ({ execute, arguments: args }, say) => {
  if (execute === 'guest-sync-delimited') {
    say(DELIMITER);
    say(`{"return": ${args?.id}}\n`);
  } else say('{"return": 2}\n');
};

describe('a guest', () => {
  test('whose agent answers is frozen and thawed', async ({ folder, agent }) => {
    const heard: string[] = [];
    await agent((command, say, socket) => {
      heard.push(command.execute);
      sound(command, say, socket);
    });
    await using found = await GuestAgent.find(folder, 'agent.sock');
    expect(await found?.freeze()).toBe(true);
    expect(found?.mayBeFrozen).toBe(true);
    expect(await found?.thaw()).toBe(true);
    expect(found?.mayBeFrozen).toBe(false);
    expect(heard).toEqual(['guest-sync-delimited', 'guest-fsfreeze-freeze', 'guest-fsfreeze-thaw']);
  });

  test('that says something else first is understood', async ({ folder, agent }) => {
    await agent((command, say, socket) => {
      if (command.execute === 'guest-sync-delimited') say('{"return": 1}\nnoise\n{"half":');
      sound(command, say, socket);
    });
    await using found = await GuestAgent.find(folder, 'agent.sock');
    expect(await found?.freeze()).toBe(true);
  });

  test.for<[string, Behaviour]>([
    ['never answers', () => undefined],
    ['answers to something else', (_, say) => say('{"return": 0}\n')],
    ['hangs up', (_command, _say, socket) => socket.destroy()],
    ['talks without end', (_, say) => say('x'.repeat(200_000))],
  ])('that %s has no agent', async ([, behaviour], { folder, agent }) => {
    await agent(behaviour);
    expect(await GuestAgent.find(folder, 'agent.sock')).toBeNull();
  });

  test('without a port has none', async ({ folder }) => {
    expect(await GuestAgent.find(folder, 'agent.sock')).toBeNull();
  });

  test('whose agent refuses to freeze may be frozen all the same', async ({ folder, agent }) => {
    await agent((command, say, socket) => {
      if (command.execute === 'guest-fsfreeze-freeze') say('{"error": {"desc": "no"}}\n');
      else sound(command, say, socket);
    });
    await using found = await GuestAgent.find(folder, 'agent.sock');
    expect(await found?.freeze()).toBe(false);
    expect(found?.mayBeFrozen).toBe(true);
    expect(await found?.thaw()).toBe(true);
  });

  test('whose agent dies in between is not said to be thawed', async ({ folder, agent }) => {
    await agent((command, say, socket) => {
      if (command.execute === 'guest-fsfreeze-thaw') socket.destroy();
      else sound(command, say, socket);
    });
    await using found = await GuestAgent.find(folder, 'agent.sock');
    expect(await found?.freeze()).toBe(true);
    expect(await found?.thaw()).toBe(false);
    expect(await found?.thaw()).toBe(false);
  });
});
