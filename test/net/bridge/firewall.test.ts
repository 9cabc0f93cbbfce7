import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import { withNetNamespace, type NetNamespace } from '../../support/net-namespace.js';
import { askForLease, plugGuest, test as bridgeTest, type MadeBridge } from './bridge-fixture.js';

const OUTSIDE = '198.51.100.2';

const PORT = { mac: '52:54:00:aa:00:0a', tap: 'port' };

/**
 * A guest on the bridge, and another host outside, which has no route to the bridge's subnet unless it makes one: the
 * guest reaches it by NAT or not at all.
 */
const test = bridgeTest.extend<{
  guest: NetNamespace;
  outside: NetNamespace;
  withoutNft: Record<string, string>;
}>({
  // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
  guest: async ({}, use) => {
    await withNetNamespace(use);
  },
  outside: async ({ ns }, use) => {
    await withNetNamespace(async (outside) => {
      const peer = ['peer', 'name', 'eth0', 'netns', outside.name];
      await ns.run('ip', ['link', 'add', 'uplink', 'type', 'veth', ...peer]);
      await ns.run('ip', ['address', 'add', '198.51.100.1/24', 'dev', 'uplink']);
      await ns.run('ip', ['link', 'set', 'uplink', 'up']);
      await outside.run('ip', ['address', 'add', `${OUTSIDE}/24`, 'dev', 'eth0']);
      await outside.run('ip', ['link', 'set', 'eth0', 'up']);
      await use(outside);
    });
  },
  // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
  withoutNft: async ({}, use) => {
    const root = await mkdtemp(join(tmpdir(), 'multipass-ts-'));
    const programs = join(root, 'programs');
    await mkdir(programs);
    for (const name of ['ip', 'dnsmasq', 'iptables']) {
      const { stdout } = await run('which', [name]);
      await symlink(stdout, join(programs, name));
    }
    await use({ PATH: programs });
    await rm(root, { recursive: true });
  },
});

/** Has the guest configured as its lease says; returns its address. */
async function connect(ns: NetNamespace, guest: NetNamespace, made: MadeBridge): Promise<string> {
  await plugGuest(ns, guest, { bridge: made.bridge, port: PORT.tap, mac: PORT.mac });
  const address = (await askForLease(guest)) ?? '';
  await guest.run('ip', ['address', 'add', `${address}/24`, 'dev', 'eth0']);
  await guest.run('ip', ['route', 'add', 'default', 'via', made.gateway]);
  return address;
}

async function reaches(from: NetNamespace, address: string): Promise<boolean> {
  const args = ['ping', '-c', '1', '-W', '2', address];
  return (await from.run('busybox', args, { okExitCodes: [0, 1] })).exitCode === 0;
}

async function rulesOf(ns: NetNamespace): Promise<string[]> {
  const listed = [
    await ns.run('iptables', ['-t', 'filter', '-S']),
    await ns.run('iptables', ['-t', 'nat', '-S']),
  ];
  return listed
    .flatMap(({ stdout }) => stdout.split('\n'))
    .filter((line) => !line.startsWith('-P'));
}

describe('the firewall of a bridge', () => {
  test('lets guests out by NAT, and nobody in', async ({ ns, guest, outside, folder, work }) => {
    const made = await work<MadeBridge>('ensureBridge', { folder });
    await work('admitToBridge', { folder, guests: [PORT] });
    const address = await connect(ns, guest, made);
    expect(await reaches(guest, OUTSIDE)).toBe(true);
    await outside.run('ip', ['route', 'add', made.subnet, 'via', '198.51.100.1']);
    expect(await reaches(outside, address)).toBe(false);
    expect(await rulesOf(ns)).toEqual([]);
    await ns.run('nft', ['flush', 'table', 'ip', `multipass_ts_${made.bridge}`]);
    await outside.run('ip', ['route', 'delete', made.subnet]);
    expect(await reaches(guest, OUTSIDE)).toBe(false);
  });

  test('is made with iptables where nft is missing', async ({
    ns,
    guest,
    outside,
    folder,
    work,
    withoutNft,
  }) => {
    const made = await work<MadeBridge>('ensureBridge', { folder }, withoutNft);
    await work('admitToBridge', { folder, guests: [PORT] }, withoutNft);
    const address = await connect(ns, guest, made);
    expect(await reaches(guest, OUTSIDE)).toBe(true);
    await outside.run('ip', ['route', 'add', made.subnet, 'via', '198.51.100.1']);
    expect(await reaches(outside, address)).toBe(false);
    const rules = await rulesOf(ns);
    expect(rules.every((rule) => rule.includes(`multipass-ts:${made.bridge}:`))).toBe(true);
    await work('ensureBridge', { folder }, withoutNft);
    expect(await rulesOf(ns)).toEqual(rules);
    // Not even made again: the rule has not lost its count.
    const { stdout } = await ns.run('iptables', ['-t', 'nat', '-v', '-S', 'POSTROUTING']);
    expect(stdout).toMatch(/-c [1-9]\d* \d+ -j MASQUERADE/);
    await ns.run('iptables', ['-t', 'nat', '-F']);
    await ns.run('iptables', ['-D', 'FORWARD', '1']);
    await work('ensureBridge', { folder }, withoutNft);
    expect(await rulesOf(ns)).toEqual(rules);
    await ns.run('ip', ['link', 'delete', 'port']);
    expect(await work('removeBridgeIfIdle', { folder }, withoutNft)).toBe(true);
    expect(await rulesOf(ns)).toEqual([]);
  });

  test('passes an iptables that stops all it does not know, as Docker sets it', async ({
    ns,
    guest,
    outside,
    folder,
    work,
  }) => {
    await ns.run('iptables', ['-P', 'FORWARD', 'DROP']);
    await ns.run('iptables', ['-A', 'INPUT', '-i', 'uplink', '-j', 'DROP']);
    const made = await work<MadeBridge>('ensureBridge', { folder });
    await work('admitToBridge', { folder, guests: [PORT] });
    const address = await connect(ns, guest, made);
    expect(await reaches(guest, OUTSIDE)).toBe(true);
    await outside.run('ip', ['route', 'add', made.subnet, 'via', '198.51.100.1']);
    expect(await reaches(outside, address)).toBe(false);
    const rules = await rulesOf(ns);
    await work('ensureBridge', { folder });
    expect(await rulesOf(ns)).toEqual(rules);
    await ns.run('ip', ['link', 'delete', 'port']);
    await work('removeBridgeIfIdle', { folder });
    expect(await rulesOf(ns)).toEqual(['-A INPUT -i uplink -j DROP']);
  });
});
