import { mkdir } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { MultipassError } from '../../../src/errors.js';
import { freeLoopbackPort, isPortFree } from '../../../src/net/user-network.js';
import type { CardBackend, Machine } from '../../../src/qemu/machine.js';
import { startQemu, type StartedQemu } from '../../../src/qemu/start-qemu.js';
import { startOnFreePort } from '../../../src/vm/run/free-port.js';
import { test as base } from '../../support/store-fixture.js';

/** Programs of this host that listen on a port until the end of the test. */
const test = base.extend<{ listen: (port?: number) => Promise<number> }>({
  // eslint-disable-next-line no-empty-pattern
  listen: async ({}, use) => {
    const servers: Server[] = [];
    await use(async (port = 0) => {
      const server = createServer();
      servers.push(server);
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      return (server.address() as AddressInfo).port;
    });
    for (const server of servers) server.close();
  },
});

const BARE: Machine = {
  arch: 'x86_64',
  type: 'none',
  accelerator: 'tcg',
  cpus: 1,
  memory: 32 * 1024 ** 2,
  uuid: '11111111-2222-4333-8444-555555555555',
  vmgenid: '66666666-7777-4888-9999-aaaaaaaaaaaa',
  hasSeed: false,
  cards: [],
  shares: [],
  seenAs: null,
};

function on(sshPort: number): Machine {
  const backend: CardBackend = { kind: 'user', subnet: '10.1.2.0/24', sshPort };
  return { ...BARE, cards: [{ mac: '52:54:00:00:00:01', backend }] };
}

const planned = async (): Promise<Machine> => on(await freeLoopbackPort());

function portOf({ cards }: Machine): number {
  const [card] = cards;
  if (card?.backend.kind !== 'user' || card.backend.sshPort === null) throw new Error('no port');
  return card.backend.sshPort;
}

/** A QEMU without a guest that binds the port of a machine. */
async function start(folder: string, machine: Machine): Promise<StartedQemu> {
  await mkdir(join(folder, 'run'), { recursive: true });
  const forwarding = `user,id=net0,hostfwd=tcp:127.0.0.1:${portOf(machine)}-:22`;
  return await startQemu({
    program: 'qemu-system-x86_64',
    args: [
      ...['-no-user-config', '-nodefaults', '-display', 'none', '-S', '-machine', 'none'],
      ...['-netdev', forwarding, '-qmp', 'unix:run/sockets/qmp.sock,server=on,wait=off'],
    ],
    folder,
    run: 'run',
    lock: undefined,
  });
}

describe('startOnFreePort', () => {
  test('takes another port when a program was faster than QEMU', async ({ root, listen }) => {
    const tried: number[] = [];
    const { started, machine } = await startOnFreePort(planned, async (one) => {
      tried.push(portOf(one));
      if (tried.length < 3) await listen(portOf(one));
      return await start(root, one);
    });
    expect(tried).toHaveLength(3);
    expect(portOf(machine)).toBe(tried[2]);
    expect(await isPortFree(portOf(machine))).toBe(false);
    await started.client.execute('quit').catch(() => undefined);
    await started.client.closed;
  });

  test('does not even start QEMU on a port that is in use', async ({ listen }) => {
    const inUse = await listen();
    const ports = [inUse, await freeLoopbackPort()];
    const seen: number[] = [];
    await startOnFreePort(
      async () => Promise.resolve(on(ports.shift() ?? 0)),
      async (one) => Promise.resolve(void seen.push(portOf(one))),
    );
    expect(seen).toHaveLength(1);
    expect(seen).not.toContain(inUse);
  });

  test('gives up after five ports', async ({ root, listen }) => {
    const tried: number[] = [];
    const failing = startOnFreePort(planned, async (one) => {
      tried.push(portOf(one));
      await listen(portOf(one));
      return await start(root, one);
    });
    await expect(failing).rejects.toMatchObject({
      code: 'PORT_TAKEN',
      cause: { code: 'QEMU_FAILED' },
    });
    expect(tried).toHaveLength(5);
    await expect(failing).rejects.toMatchObject({ details: { ports: tried } });
  });

  test('does not take another failure for a taken port', async ({ listen }) => {
    const fail = async (code: 'QEMU_FAILED' | 'TOOL_MISSING', machine: Machine, taken: boolean) => {
      let starts = 0;
      const failing = startOnFreePort(
        async () => Promise.resolve(machine),
        async () => {
          starts += 1;
          if (taken) await listen(portOf(machine));
          throw new MultipassError(code, 'no', { hint: 'Mend it.' });
        },
      );
      await expect(failing).rejects.toMatchObject({ code, message: 'no' });
      expect(starts).toBe(1);
    };
    await fail('QEMU_FAILED', await planned(), false);
    await fail('TOOL_MISSING', await planned(), true);
    await fail('QEMU_FAILED', BARE, false);
  });
});
