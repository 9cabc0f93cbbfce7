import { randomUUID } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { tapName } from '../../../src/net/bridge/tap.js';
import type { NetNamespace } from '../../support/net-namespace.js';
import { dnsmasqPid, machineIn, test, type MadeBridge } from './bridge-fixture.js';

/** What there is besides `lo`. */
async function leftOf(ns: NetNamespace): Promise<string[]> {
  const links = (await ns.run('ip', ['-brief', 'link'])).stdout.split('\n');
  const rules = (await ns.run('nft', ['list', 'ruleset'])).stdout.split('\n');
  const pids = await ns.pids();
  return [...links.slice(1), ...rules, ...pids.map(String)].filter((line) => line !== '');
}

describe('removeBridgeIfIdle', () => {
  test('removes all but the record and the leases', async ({ ns, folder, work }) => {
    const made = await work<MadeBridge>('ensureBridge', { folder });
    const record = await readFile(join(folder, 'network.json'), 'utf8');
    expect(await leftOf(ns)).not.toEqual([]);
    expect(await work('removeBridgeIfIdle', { folder })).toBe(true);
    expect(await leftOf(ns)).toEqual([]);
    expect(await readFile(join(folder, 'network.json'), 'utf8')).toBe(record);
    expect((await stat(join(folder, 'dnsmasq.leases'))).isFile()).toBe(true);
    expect(await work('ensureBridge', { folder })).toEqual(made);
  });

  test('leaves a bridge that something is plugged into', async ({ ns, folder, work }) => {
    const { bridge } = await work<MadeBridge>('ensureBridge', { folder });
    await ns.run('ip', ['tuntap', 'add', 'mp0123456789-0', 'mode', 'tap']);
    await work('plugIn', { tap: 'mp0123456789-0', bridge });
    expect(await work('portsOf', { bridge })).toEqual(['mp0123456789-0']);
    const before = await leftOf(ns);
    expect(await work('removeBridgeIfIdle', { folder })).toBe(false);
    expect(await leftOf(ns)).toEqual(before);
    await ns.run('ip', ['link', 'delete', 'mp0123456789-0']);
    expect(await work('portsOf', { bridge })).toEqual([]);
    expect(await work('removeBridgeIfIdle', { folder })).toBe(true);
  });

  test('waits for the kernel to unplug what has ended, and believes nobody else that it has', async ({
    ns,
    folder,
    work,
  }) => {
    const { bridge } = await work<MadeBridge>('ensureBridge', { folder });
    await using machine = await machineIn(ns);
    await work('layCable', { tap: 'mp0123456789-0', pid: machine.pid, index: 0 });
    await work('plugIn', { tap: 'mp0123456789-0', bridge });
    const ended = ['mp0123456789-0', 'mp0123456789-1'];
    expect(await work('removeBridgeIfIdle', { folder, ended })).toBe(false);
    expect(await work('portsOf', { bridge })).toEqual(['mp0123456789-0']);
    machine.kill();
    expect(await work('removeBridgeIfIdle', { folder, ended })).toBe(true);
    expect(await leftOf(ns)).toEqual([]);
  });

  test('finishes what was half removed', async ({ ns, folder, work }) => {
    const { bridge } = await work<MadeBridge>('ensureBridge', { folder });
    process.kill(await dnsmasqPid(folder), 'SIGKILL');
    expect(await work('removeBridgeIfIdle', { folder })).toBe(true);
    expect(await leftOf(ns)).toEqual([]);
    await work('ensureBridge', { folder });
    await ns.run('nft', ['delete', 'table', 'ip', `multipass_ts_${bridge}`]);
    await ns.run('ip', ['link', 'delete', 'dev', bridge]);
    expect(await work('removeBridgeIfIdle', { folder })).toBe(true);
    expect(await leftOf(ns)).toEqual([]);
  });

  test('may be repeated, and has nothing to do where there never was a bridge', async ({
    folder,
    work,
  }) => {
    expect(await work('removeBridgeIfIdle', { folder })).toBe(true);
    await expect(stat(folder)).rejects.toMatchObject({ code: 'ENOENT' });
    await work('ensureBridge', { folder });
    expect(await work('removeBridgeIfIdle', { folder })).toBe(true);
    expect(await work('removeBridgeIfIdle', { folder })).toBe(true);
  });
});

describe('plugIn', () => {
  test('plugs a tap in and sets it up', async ({ ns, folder, work }) => {
    const { bridge } = await work<MadeBridge>('ensureBridge', { folder });
    await ns.run('ip', ['tuntap', 'add', 'mp0123456789-0', 'mode', 'tap']);
    await work('plugIn', { tap: 'mp0123456789-0', bridge });
    const { stdout } = await ns.run('ip', ['-json', 'link', 'show', 'mp0123456789-0']);
    expect(JSON.parse(stdout)).toMatchObject([
      { master: bridge, flags: expect.arrayContaining(['UP']) as unknown },
    ]);
  });

  test('needs no unplugging when QEMU, whose tap it is, is killed', async ({
    ns,
    folder,
    work,
  }) => {
    const { bridge } = await work<MadeBridge>('ensureBridge', { folder });
    const tap = tapName(randomUUID(), 0);
    const netdev = `tap,id=n0,ifname=${tap},script=no,downscript=no`;
    const machine = ['-machine', 'none', '-display', 'none', '-S', '-netdev', netdev];
    const before = await ns.pids();
    await ns.run('qemu-system-x86_64', [...machine, '-daemonize']);
    await work('plugIn', { tap, bridge });
    expect(await work('removeBridgeIfIdle', { folder })).toBe(false);
    const qemu = (await ns.pids()).filter((pid) => !before.includes(pid));
    for (const pid of qemu) process.kill(pid, 'SIGKILL');
    while ((await ns.pids()).length > before.length) await setTimeout(10);
    expect(await work('portsOf', { bridge })).toEqual([]);
    expect(await work('removeBridgeIfIdle', { folder })).toBe(true);
  });

  test('names tap and bridge when there is no such tap', async ({ folder, work }) => {
    const { bridge } = await work<MadeBridge>('ensureBridge', { folder });
    await expect(work('plugIn', { tap: 'mp0123456789-0', bridge })).rejects.toMatchObject({
      code: 'NETWORK_FAILED',
      message: `cannot plug "mp0123456789-0" into the bridge "${bridge}": Cannot find device "mp0123456789-0"`,
    });
  });
});
