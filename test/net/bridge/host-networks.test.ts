import { describe, expect, it } from 'vitest';
import { hostNetworks, networksAmong } from '../../../src/net/bridge/host-networks.js';
import { test } from './bridge-fixture.js';

function link(ifname: string, kind?: string, more: object = {}): Record<string, unknown> {
  const linkinfo = kind === undefined ? {} : { linkinfo: { info_kind: kind } };
  return { ifname, link_type: 'ether', ...linkinfo, ...more };
}

describe('networksAmong', () => {
  it('names ethernet cards and bridges, sorted, with what is plugged into them', () => {
    const links = [
      link('enp3s0', undefined, { master: 'br-lan' }),
      link('eno1'),
      link('virbr0', 'bridge'),
      link('br-lan', 'bridge'),
      link('mp0123456789-1', 'tun', { master: 'br-lan' }),
      link('bond0', undefined, { master: 'br-lan' }),
    ];
    expect(networksAmong(links, (name) => name.startsWith('en'))).toEqual([
      { name: 'br-lan', type: 'bridge', description: 'Network bridge with bond0, enp3s0' },
      { name: 'eno1', type: 'ethernet', description: 'Ethernet device' },
      { name: 'enp3s0', type: 'ethernet', description: 'Ethernet device' },
      { name: 'virbr0', type: 'bridge', description: 'Network bridge' },
    ]);
  });

  it('leaves out our own bridges, taps, cables of containers, tunnels and the loopback', () => {
    const links = [
      { ifname: 'lo', link_type: 'loopback' },
      link('mpbr0123abcd', 'bridge'),
      link('mp0123456789-0', 'tun'),
      link('veth1a2b', 'veth'),
      link('wg0', 'wireguard', { link_type: 'none' }),
      link('eno1.7', 'vlan'),
    ];
    expect(networksAmong(links, () => true)).toEqual([]);
  });

  it('leaves out what has no ethernet hardware', () => {
    expect(networksAmong([link('wlp2s0'), link('ifb0')], () => false)).toEqual([]);
  });
});

describe('hostNetworks', () => {
  test('asks the kernel', async ({ ns, folder, work }) => {
    expect(await work('hostNetworks', {})).toEqual([]);
    await work('ensureBridge', { folder });
    await ns.run('ip', ['link', 'add', 'br-lab', 'type', 'bridge']);
    await ns.run('ip', ['link', 'add', 'veth0', 'type', 'veth', 'peer', 'name', 'veth1']);
    await ns.run('ip', ['link', 'set', 'veth0', 'master', 'br-lab']);
    expect(await work('hostNetworks', {})).toEqual([
      { name: 'br-lab', type: 'bridge', description: 'Network bridge with veth0' },
    ]);
  });

  it('works on this very host, whatever there is', async () => {
    for (const { name, type } of await hostNetworks()) {
      expect(name).not.toBe('lo');
      expect(['bridge', 'ethernet']).toContain(type);
    }
  });
});
