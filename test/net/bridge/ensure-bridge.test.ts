import { cp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import type { NetNamespace } from '../../support/net-namespace.js';
import {
  comparable,
  dnsmasqPid,
  networkState,
  nslookup,
  test,
  type MadeBridge,
} from './bridge-fixture.js';

describe('ensureBridge', () => {
  test('makes all of it at first use', async ({ ns, folder, work }) => {
    const made = await work<MadeBridge>('ensureBridge', { folder });
    expect(made.bridge).toMatch(/^mpbr[0-9a-f]{8}$/);
    expect(made.subnet).toMatch(/^10\.\d+\.\d+\.0\/24$/);
    expect(made.gateway).toBe(made.subnet.replace('.0/24', '.1'));
    expect(made.mac).toMatch(/^52:54:00:/);
    expect(JSON.parse(await readFile(join(folder, 'network.json'), 'utf8'))).toEqual({
      bridge: made.bridge,
      subnet: made.subnet,
      mac: made.mac,
    });
    const { stdout } = await ns.run('ip', ['-json', 'address', 'show', 'dev', made.bridge]);
    expect(JSON.parse(stdout)).toMatchObject([
      {
        address: made.mac,
        flags: expect.arrayContaining(['UP']) as unknown,
        addr_info: expect.arrayContaining([
          expect.objectContaining({ local: made.gateway, prefixlen: 24 }),
        ]) as unknown,
      },
    ]);
    expect((await ns.run('cat', ['/proc/sys/net/ipv4/ip_forward'])).stdout).toBe('1');
    const table = await ns.run('nft', ['list', 'table', 'ip', `multipass_ts_${made.bridge}`]);
    expect(table.stdout).toContain(
      `ip saddr ${made.subnet} ip daddr != ${made.subnet} masquerade comment`,
    );
    const command = await readFile(`/proc/${await dnsmasqPid(folder)}/cmdline`, 'utf8');
    expect(command.split('\0')).toEqual(
      expect.arrayContaining([
        `--interface=${made.bridge}`,
        `--dhcp-leasefile=${join(folder, 'dnsmasq.leases')}`,
        '--dhcp-ignore-clid',
      ]),
    );
  });

  test('keeps its files to their owner', async ({ folder, work }) => {
    await work('ensureBridge', { folder });
    const { mode } = await stat(folder);
    expect((mode & 0o777).toString(8)).toBe('700');
    expect(((await stat(join(folder, 'network.json'))).mode & 0o777).toString(8)).toBe('600');
  });

  test('changes nothing when all is there', async ({ ns, folder, work }) => {
    const made = await work('ensureBridge', { folder });
    const before = await networkState(ns, folder);
    expect(await work('ensureBridge', { folder })).toEqual(made);
    expect(await networkState(ns, folder)).toBe(before);
  });

  test('answers a guest who asks for a name', async ({ ns, folder, work }) => {
    const { gateway } = await work<MadeBridge>('ensureBridge', { folder });
    expect(await nslookup(ns, 'localhost', gateway)).toContain('127.0.0.1');
  });

  const damages: Record<string, (ns: NetNamespace, bridge: string) => unknown> = {
    'its address': (ns, bridge) => ns.run('ip', ['address', 'flush', 'dev', bridge]),
    'the link, which is down': (ns, bridge) => ns.run('ip', ['link', 'set', bridge, 'down']),
    'its MAC address': (ns, bridge) =>
      ns.run('ip', ['link', 'set', bridge, 'address', '52:54:00:00:00:01']),
    'the whole bridge': (ns, bridge) => ns.run('ip', ['link', 'delete', bridge]),
    'its NAT': (ns, bridge) => ns.run('nft', ['delete', 'table', 'ip', `multipass_ts_${bridge}`]),
    'what pins its guests': (ns, bridge) =>
      ns.run('nft', ['delete', 'table', 'bridge', `multipass_ts_${bridge}`]),
    'a rule of its NAT': (ns, bridge) =>
      ns.run('nft', ['flush', 'chain', 'ip', `multipass_ts_${bridge}`, 'postrouting']),
    forwarding: (ns) => ns.run('sysctl', ['-q', '-w', 'net.ipv4.ip_forward=0']),
    dnsmasq: (ns) => killAll(ns),
  };
  for (const [what, damage] of Object.entries(damages)) {
    test(`repairs ${what}`, async ({ ns, folder, work }) => {
      const made = await work<MadeBridge>('ensureBridge', { folder });
      const before = comparable(await networkState(ns, folder));
      await damage(ns, made.bridge);
      expect(comparable(await networkState(ns, folder))).not.toBe(before);
      expect(await work('ensureBridge', { folder })).toEqual(made);
      expect(comparable(await networkState(ns, folder))).toBe(before);
      expect(await nslookup(ns, 'localhost', made.gateway)).toContain('127.0.0.1');
    });
  }

  test('does not believe a pid file that names another process', async ({ ns, folder, work }) => {
    await work('ensureBridge', { folder });
    const served = await dnsmasqPid(folder);
    const before = await networkState(ns, folder);
    await writeFile(join(folder, 'dnsmasq.pid'), `${process.pid}\n`);
    await work('ensureBridge', { folder });
    expect(await networkState(ns, folder)).toBe(before);
    process.kill(served, 'SIGKILL');
    await work('ensureBridge', { folder });
    expect(await dnsmasqPid(folder)).not.toBe(process.pid);
  });

  test('keeps name and subnet when the store has moved, and moves dnsmasq along', async ({
    folder,
    work,
  }) => {
    const made = await work('ensureBridge', { folder });
    const moved = join(dirname(dirname(folder)), 'moved');
    await rename(folder, moved);
    expect(await work('ensureBridge', { folder: moved })).toEqual(made);
    const command = await readFile(`/proc/${await dnsmasqPid(moved)}/cmdline`, 'utf8');
    expect(command).toContain(`--dhcp-leasefile=${moved}/`);
  });

  test('leaves the bridge to the store that it is a copy of', async ({ ns, folder, work }) => {
    const made = await work<MadeBridge>('ensureBridge', { folder });
    const copy = join(dirname(dirname(folder)), 'copy');
    await cp(folder, copy, { recursive: true });
    const own = await work<MadeBridge>('ensureBridge', { folder: copy });
    expect(own.bridge).not.toBe(made.bridge);
    expect(own.subnet).not.toBe(made.subnet);
    expect(await work('ensureBridge', { folder })).toEqual(made);
    expect(await work('ensureBridge', { folder: copy })).toEqual(own);
    expect(await ns.pids()).toHaveLength(2);
  });

  test('takes another subnet when its own is in use by the time it is set up again', async ({
    ns,
    folder,
    work,
  }) => {
    const made = await work<MadeBridge>('ensureBridge', { folder });
    await work('removeBridgeIfIdle', { folder });
    await writeFile(join(folder, 'dnsmasq.leases'), '0 52:54:00:00:00:05 10.0.0.9 * *\n');
    await ns.run('ip', ['link', 'add', 'vpn0', 'type', 'bridge']);
    await ns.run('ip', ['address', 'add', made.gateway, 'dev', 'vpn0']);
    await ns.run('ip', ['link', 'set', 'vpn0', 'up']);
    await ns.run('ip', ['route', 'add', made.subnet, 'dev', 'vpn0']);
    const again = await work<MadeBridge>('ensureBridge', { folder });
    expect(again.bridge).toBe(made.bridge);
    expect(again.subnet).not.toBe(made.subnet);
    expect(await readFile(join(folder, 'dnsmasq.leases'), 'utf8')).toBe('');
  });

  test('keeps clear of 10.0.0.0/8 when all of that is routed elsewhere', async ({
    ns,
    folder,
    work,
  }) => {
    await ns.run('ip', ['link', 'add', 'vpn0', 'type', 'bridge']);
    await ns.run('ip', ['link', 'set', 'vpn0', 'up']);
    await ns.run('ip', ['route', 'add', '10.0.0.0/8', 'dev', 'vpn0']);
    await ns.run('ip', ['route', 'add', 'default', 'dev', 'vpn0']);
    const { subnet } = await work<MadeBridge>('ensureBridge', { folder });
    expect(subnet).toMatch(/^172\.(1[6-9]|2\d|3[01])\.\d+\.0\/24$/);
  });

  test('starts dnsmasq anew with other settings', async ({ folder, work }) => {
    await work('ensureBridge', { folder });
    const first = await dnsmasqPid(folder);
    await work('admitToBridge', { folder, guests: [{ mac: '52:54:00:00:00:05', tap: 'tap0' }] });
    const second = await dnsmasqPid(folder);
    expect(second).not.toBe(first);
    expect(await readFile(`/proc/${second}/cmdline`, 'utf8')).toMatch(
      /\0--dhcp-host=52:54:00:00:00:05,10\.\d+\.\d+\.2,infinite\0/,
    );
    await work('ensureBridge', { folder });
    expect(await dnsmasqPid(folder)).toBe(second);
  });

  test('refuses without root, naming the way without', async ({ folder, work }) => {
    await expect(work('ensureBridgeUnprivileged', { folder })).rejects.toMatchObject({
      code: 'NETWORK_UNAVAILABLE',
      hint: expect.stringContaining('multipass set local.network=user') as unknown,
    });
  });

  for (const [program, file] of [
    ['ip', 'iproute2'],
    ['dnsmasq', 'dnsmasq-base'],
  ] as const) {
    test(`names the package when ${program} is missing`, async ({ folder, work }) => {
      const present = ['ip', 'dnsmasq', 'nft'].filter((name) => name !== program);
      const PATH = await folderOfPrograms(dirname(dirname(folder)), present);
      await expect(work('ensureBridge', { folder }, { PATH })).rejects.toMatchObject({
        code: 'NETWORK_UNAVAILABLE',
        hint: expect.stringContaining(file) as unknown,
      });
    });
  }

  test('tells what dnsmasq says when it cannot start, and goes on from there', async ({
    ns,
    folder,
    work,
  }) => {
    const made = await work<MadeBridge>('ensureBridge', { folder });
    await work('removeBridgeIfIdle', { folder });
    await ns.run('dnsmasq', ['--conf-file=/dev/null', '--pid-file']);
    await expect(work('ensureBridge', { folder })).rejects.toMatchObject({
      code: 'NETWORK_FAILED',
      message: expect.stringContaining('Address already in use') as unknown,
    });
    await killAll(ns);
    expect(await work('ensureBridge', { folder })).toEqual(made);
  });

  test('refuses a record that it does not understand, and leaves it', async ({ folder, work }) => {
    await work('ensureBridge', { folder });
    const path = join(folder, 'network.json');
    for (const text of ['', '[]', '{"bridge": "eth0"}', '{"bridge": "mpbr01234567"}']) {
      await writeFile(path, text);
      await expect(work('ensureBridge', { folder })).rejects.toMatchObject({
        code: 'RECORD_INVALID',
      });
      expect(await readFile(path, 'utf8')).toBe(text);
    }
  });

  test('leaves the host alone, and its own namespace by itself', async ({ ns, folder, work }) => {
    const before = await hostState();
    await work('ensureBridge', { folder });
    await work('removeBridgeIfIdle', { folder });
    expect(await hostState()).toBe(before);
    await rm(folder, { recursive: true });
    expect((await ns.run('ip', ['-brief', 'link'])).stdout).not.toContain('mpbr');
  });
});

async function killAll(ns: NetNamespace): Promise<void> {
  for (const pid of await ns.pids()) process.kill(pid, 'SIGKILL');
  while ((await ns.pids()).length > 0) await setTimeout(10);
}

async function hostState(): Promise<string> {
  const shown = [
    await run('ip', ['-json', 'link']),
    await run('ip', ['-json', 'route']),
    await run('nft', ['list', 'ruleset']),
    await run('cat', ['/proc/sys/net/ipv4/ip_forward']),
  ];
  return shown.map(({ stdout }) => stdout).join('\n');
}

async function folderOfPrograms(root: string, names: readonly string[]): Promise<string> {
  const { stdout } = await run('which', names);
  const folder = join(root, 'programs');
  await run('mkdir', [folder]);
  await run('ln', ['-s', ...stdout.split('\n'), folder]);
  return folder;
}
