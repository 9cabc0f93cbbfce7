import { describe, expect, it } from 'vitest';
import { MacAddress } from '../../src/net/mac-address.js';
import { retargetNetworkConfig, type NetworkChange } from '../../src/net/network-config.js';

const OLD = MacAddress.parse('52:54:00:00:00:01');
const NEW = MacAddress.parse('52:54:00:00:00:02');

const STATIC = `#cloud-config
version: 2
ethernets:
  default:
    match: { macaddress: "52:54:00:00:00:01" }
    addresses: [10.0.0.5/24, "fd00::5/64"]
    gateway4: 10.0.0.1
    routes:
      - { to: default, via: 10.0.0.1 }
    nameservers: { addresses: [9.9.9.9] }
`;

function retarget(text: string, change: Partial<NetworkChange>): { text: string; told: string[] } {
  const interfaces = [{ old: OLD, new: NEW, index: 0, auto: true }];
  const { text: next, warnings } = retargetNetworkConfig(text, { interfaces, ...change }, 'n');
  return { text: next, told: warnings };
}

describe('a copy whose network-config sets addresses', () => {
  it.each([
    ['a list', STATIC, ['10.0.0.5/24', 'fd00::5/64'].map((one) => [one, 'default'] as const)],
    [
      'a list of mappings, around which is netplan’s key',
      'network:\n  version: 2\n  ethernets:\n    lan:\n      addresses:\n        - 10.0.0.6/24: { label: a }\n',
      [['10.0.0.6/24', 'lan']],
    ],
    [
      'a bridge',
      'version: 2\nethernets: {}\nbridges:\n  br0: { addresses: [10.0.0.7/24], interfaces: [default] }\n',
      [['10.0.0.7/24', 'br0']],
    ],
    [
      'version 1',
      'version: 1\nconfig:\n  - { type: physical, name: eth0, subnets: [{ type: static, address: 10.0.0.8/24 }] }\n',
      [['10.0.0.8/24', 'eth0']],
    ],
  ] as const)('is told of them: %s', (_, text, wanted) => {
    const { told } = retarget(text, { isCopy: true });
    const sentences = wanted.map(
      ([address, name]) => `the static address ${address} of "${name}" stays that of the source`,
    );
    expect(told.filter((line) => line.startsWith('the static'))).toEqual(sentences);
  });

  it('is told of a MAC address that a device gives itself, when it is not its own', () => {
    const text = (mac: string): string =>
      `version: 2\nethernets:\n  default:\n    match: { name: en* }\n    macaddress: "${mac}"\n`;
    expect(retarget(text('02:00:00:00:00:0A'), { isCopy: true }).told).toEqual([
      'the MAC address 02:00:00:00:00:0A that "default" gives itself stays that of the source',
    ]);
    expect(retarget(text(OLD.toString()), { isCopy: true }).told).toEqual([]);
  });

  it('is told nothing where there are none, nor when it is no copy', () => {
    expect(retarget('', { isCopy: true }).told).toEqual([]);
    expect(retarget(STATIC, {}).told).toEqual([]);
  });

  it('has them from DHCP where that is asked for, and keeps the rest', () => {
    const { text, told } = retarget(STATIC, { isCopy: true, resetAddresses: true });
    expect(told).toEqual([]);
    expect(text).toBe(`#cloud-config
version: 2
ethernets:
  default:
    match: { macaddress: "52:54:00:00:00:02" }
    dhcp4: true
    dhcp-identifier: mac
    nameservers: { addresses: [ 9.9.9.9 ] }
`);
  });

  it('keeps a device that has DHCP already as it is', () => {
    const text = 'version: 2\nethernets:\n  lan:\n    dhcp4: false\n    dhcp6: true\n';
    const asked = retarget(text, { isCopy: true, resetAddresses: true }).text;
    expect(asked).toBe(retarget(text, { isCopy: true }).text);
  });
});
