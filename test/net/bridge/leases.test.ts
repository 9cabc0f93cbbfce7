import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { leaseOf, parseLeases } from '../../../src/net/leases.js';
import { MacAddress } from '../../../src/net/mac-address.js';
import { withNetNamespace, type NetNamespace } from '../../support/net-namespace.js';
import {
  askForLease,
  dnsmasqPid,
  plugGuest,
  test as bridgeTest,
  type MadeBridge,
} from './bridge-fixture.js';

const [A, B] = ['52:54:00:aa:00:0a', '52:54:00:aa:00:0b'] as const;
const CLIENT_ID = 'ff00112233';

const BOTH = [
  { mac: A, tap: 'porta' },
  { mac: B, tap: 'portb' },
];

/** Two guests, each with its own end of a cable. */
const test = bridgeTest.extend<{ a: NetNamespace; b: NetNamespace }>({
  // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
  a: async ({}, use) => {
    await withNetNamespace(use);
  },
  // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
  b: async ({}, use) => {
    await withNetNamespace(use);
  },
});

async function plugBoth(
  { ns, a, b }: { ns: NetNamespace; a: NetNamespace; b: NetNamespace },
  bridge: string,
): Promise<void> {
  await plugGuest(ns, a, { bridge, port: 'porta', mac: A });
  await plugGuest(ns, b, { bridge, port: 'portb', mac: B });
}

describe("a bridge's dnsmasq", () => {
  test('gives guests that send the same client id different addresses', async ({
    ns,
    a,
    b,
    folder,
    work,
  }) => {
    const made = await work<MadeBridge>('ensureBridge', { folder });
    await work('admitToBridge', { folder, guests: BOTH });
    await plugBoth({ ns, a, b }, made.bridge);
    const [first, second] = [await askForLease(a, CLIENT_ID), await askForLease(b, CLIENT_ID)];
    expect(first).toMatch(made.subnet.replace('.0/24', '.'));
    expect(second).toMatch(made.subnet.replace('.0/24', '.'));
    expect(second).not.toBe(first);
    expect(leaseOf(folder, MacAddress.parse(A))).toMatchObject({ ip: first, expiry: null });
    expect(leaseOf(folder, MacAddress.parse(B))).toMatchObject({ ip: second, expiry: null });
  });

  test('serves a bridge that had to be made again under it', async ({ ns, a, folder, work }) => {
    const made = await work<MadeBridge>('ensureBridge', { folder });
    await ns.run('ip', ['link', 'delete', 'dev', made.bridge]);
    await work('ensureBridge', { folder });
    await work('admitToBridge', { folder, guests: BOTH });
    await plugGuest(ns, a, { bridge: made.bridge, port: 'porta', mac: A });
    expect(await askForLease(a)).toMatch(made.subnet.replace('.0/24', '.'));
  });

  test('gives a guest its old address after the bridge was away', async ({
    ns,
    a,
    folder,
    work,
  }) => {
    const made = await work<MadeBridge>('ensureBridge', { folder });
    const plug = { bridge: made.bridge, port: 'porta', mac: A };
    await work('admitToBridge', { folder, guests: BOTH });
    await plugGuest(ns, a, plug);
    const address = await askForLease(a);
    await ns.run('ip', ['link', 'delete', 'porta']);
    expect(await work('removeBridgeIfIdle', { folder })).toBe(true);
    expect(leaseOf(folder, MacAddress.parse(A))?.ip).toBe(address);
    expect(await work('ensureBridge', { folder })).toEqual(made);
    await plugGuest(ns, a, plug);
    expect(await askForLease(a)).toBe(address);
  });
});

describe('forgetLease', () => {
  test('frees the address of one guest while dnsmasq serves the others', async ({
    ns,
    a,
    b,
    folder,
    work,
  }) => {
    const made = await work<MadeBridge>('ensureBridge', { folder });
    await work('admitToBridge', { folder, guests: BOTH });
    await plugBoth({ ns, a, b }, made.bridge);
    await askForLease(a);
    const kept = await askForLease(b);
    const served = await dnsmasqPid(folder);
    await work('forgetLease', { folder, mac: A });
    expect(leaseOf(folder, MacAddress.parse(A))).toBeUndefined();
    expect(leaseOf(folder, MacAddress.parse(B))?.ip).toBe(kept);
    expect(await ns.pids()).toHaveLength(1);
    expect(await dnsmasqPid(folder)).not.toBe(served);
    // What it remembers is what the file says: it writes all of it with the next lease.
    expect(await askForLease(b)).toBe(kept);
    expect(leaseOf(folder, MacAddress.parse(A))).toBeUndefined();
  });

  test('leaves dnsmasq alone when there is nothing to forget', async ({ folder, work }) => {
    await work('ensureBridge', { folder });
    const served = await dnsmasqPid(folder);
    await work('forgetLease', { folder, mac: A });
    expect(await dnsmasqPid(folder)).toBe(served);
  });

  test('edits the file when dnsmasq does not run', async ({ ns, folder, work }) => {
    await work('ensureBridge', { folder });
    await work('removeBridgeIfIdle', { folder });
    const path = join(folder, 'dnsmasq.leases');
    await writeFile(path, `0 ${A} 10.1.2.3 a *\n0 ${B} 10.1.2.4 b 01:${B}\nduid 00:01\n`);
    await work('forgetLease', { folder, mac: A });
    expect(await readFile(path, 'utf8')).toBe(`0 ${B} 10.1.2.4 b 01:${B}\nduid 00:01\n`);
    expect((await stat(path)).mode & 0o077).toBe(0);
    expect(await ns.pids()).toEqual([]);
  });

  test('has nothing to do in a store that never had a bridge', async ({ folder, work }) => {
    await work('forgetLease', { folder, mac: A });
    await expect(stat(folder)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

describe('parseLeases', () => {
  test('reads what dnsmasq writes', () => {
    const text = [
      '0 52:54:00:aa:00:0a 10.1.2.3 web ff:00:11',
      '1700000000 52:54:00:AA:00:0B 10.1.2.4 * *',
      '',
    ].join('\n');
    expect(parseLeases(text)).toEqual([
      {
        mac: MacAddress.parse(A),
        ip: '10.1.2.3',
        hostname: 'web',
        clientId: 'ff:00:11',
        expiry: null,
      },
      {
        mac: MacAddress.parse(B),
        ip: '10.1.2.4',
        hostname: null,
        clientId: null,
        expiry: new Date('2023-11-14T22:13:20Z'),
      },
    ]);
  });

  test('passes over what is no lease of IPv4, and a line that is being written', () => {
    const lines = [
      'duid 00:01:00:01:2b',
      '0 20-52:54:00:aa:00:0a 10.1.2.3 * *',
      '0 52:54:00:aa:00:0a fd00::3 * 00:01',
      '0 52:54:00:aa:00:0a 10.1.2.3',
      'soon 52:54:00:aa:00:0a 10.1.2.3 * *',
      '0 52:54:00:aa:00:0b 10.1.2.4 * ff:00',
    ];
    expect(parseLeases(lines.join('\n'))).toEqual([]);
    expect(parseLeases('')).toEqual([]);
  });
});
