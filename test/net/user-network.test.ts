import { randomUUID } from 'node:crypto';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { hostSubnets } from '../../src/net/host-subnets.js';
import { Subnet } from '../../src/net/subnet.js';
import { freeLoopbackPort, isPortFree, userSubnet } from '../../src/net/user-network.js';
import { test } from './bridge/bridge-fixture.js';

const SEED = 'b0e2c0c1-9d5c-4f0e-8a59-0c0ffee0c0de';

describe('userSubnet', () => {
  it('is a private one of 256 addresses', () => {
    expect(userSubnet({ seed: SEED, taken: [] })).toMatch(/^10\.\d+\.\d+\.0\/24$/);
  });

  it('is the same for the same instance, and different for another', () => {
    expect(userSubnet({ seed: SEED, taken: [] })).toEqual(userSubnet({ seed: SEED, taken: [] }));
    const networks = Array.from({ length: 20 }, () => {
      return userSubnet({ seed: randomUUID(), taken: [] });
    });
    expect(new Set(networks).size).toBeGreaterThan(17);
  });

  it('goes on to the next free one when it is taken', () => {
    const taken: string[] = [];
    for (let count = 0; count < 20; count += 1) taken.push(userSubnet({ seed: SEED, taken }));
    expect(new Set(taken).size).toBe(20);
    const wide = taken[0]!.replace(/\d+\.0\/24$/, '0.0/16');
    const network = userSubnet({ seed: SEED, taken: [wide] });
    expect(Subnet.tryParse(network)!.overlaps(Subnet.tryParse(wide)!)).toBe(false);
  });

  it('fails when every private subnet is taken', () => {
    const taken = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'];
    expect(() => userSubnet({ seed: SEED, taken })).toThrow(
      expect.objectContaining({ code: 'NETWORK_FAILED' }),
    );
  });

  test('keeps clear of what the host has an address in or a route to', async ({ ns, work }) => {
    const wanted = userSubnet({ seed: SEED, taken: [] });
    const choose = async () => {
      return await work<string>('userSubnet', { seed: SEED, taken: [] });
    };
    expect(await choose()).toBe(wanted);
    await ns.run('ip', ['link', 'add', 'lan0', 'type', 'bridge']);
    await ns.run('ip', ['link', 'set', 'lan0', 'up']);
    await ns.run('ip', ['address', 'add', wanted.replace('0/24', '7/32'), 'dev', 'lan0']);
    expect(await choose()).not.toBe(wanted);
    await ns.run('ip', ['address', 'flush', 'dev', 'lan0']);
    await ns.run('ip', ['route', 'add', '0.0.0.0/1', 'dev', 'lan0']);
    expect(await choose()).toBe(wanted);
    await ns.run('ip', ['route', 'add', wanted.replace('0/24', '128/25'), 'dev', 'lan0']);
    expect(await choose()).not.toBe(wanted);
  });
});

describe('hostSubnets', () => {
  test('leaves out the interface that is asked about by name', async ({ ns, work }) => {
    await ns.run('ip', ['link', 'add', 'lan0', 'type', 'bridge']);
    await ns.run('ip', ['link', 'set', 'lan0', 'up']);
    await ns.run('ip', ['address', 'add', '10.9.8.7/20', 'dev', 'lan0']);
    expect(await work('hostSubnets', {})).toContain('10.9.0.0/20');
    expect(await work('hostSubnets', { except: 'lan0' })).toEqual(['127.0.0.0/8']);
  });

  it('holds the loopback of this very host', () => {
    expect(hostSubnets().map(String)).toContain('127.0.0.0/8');
  });
});

describe('freeLoopbackPort', () => {
  it('finds a port that can be bound', async () => {
    const port = await freeLoopbackPort();
    expect(port).toBeGreaterThan(1023);
    const server = await listen(port, '127.0.0.1');
    expect((server.address() as AddressInfo).port).toBe(port);
    server.close();
  });
});

describe('isPortFree', () => {
  it.each(['127.0.0.1', '0.0.0.0'])('tells a port in use on %s from a free one', async (host) => {
    const server = await listen(0, host);
    const { port } = server.address() as AddressInfo;
    expect(await isPortFree(port)).toBe(false);
    server.close();
    await once(server, 'close');
    expect(await isPortFree(port)).toBe(true);
  });
});

async function listen(port: number, host: string): Promise<Server> {
  const server = createServer();
  server.listen(port, host);
  await once(server, 'listening');
  return server;
}
