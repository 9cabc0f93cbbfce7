import { describe, expect } from 'vitest';
import { cloneInstance } from '../../../src/vm/clone/clone-instance.js';
import { readSeed } from '../../../src/vm/seed/seed.js';
import type { NetworkInterface } from '../../../src/vm/records/interface.js';
import type { VirtualMachineStore } from '../../../src/vm/virtual-machine-store.js';
import { handMadeMac, makeInstance, test } from '../../support/store-fixture.js';

/** The default interface, one that cloud-init configures, one that it does not, and another one that it does. */
const AUTOMATIC = [true, true, false, true];

interface Cloned {
  /** The clone's network-config, with its MACs as `<0>` to `<3>`, and whatever other ones it has as they are. */
  readonly text: string;
  readonly told: readonly string[];
}

/**
 * Clones an instance that has this network-config, in which `<0>` to `<3>` stand for its MACs; undefined: none.
 */
async function retarget(store: VirtualMachineStore, template?: string): Promise<Cloned> {
  const [first, ...rest] = AUTOMATIC.map((auto, at) => {
    return { mac: handMadeMac(), network: at === 0 ? null : `br${at}`, auto };
  });
  const interfaces = [first!, ...rest] as const;
  const macs = interfaces.map(({ mac }) => mac.toString());
  const text = template?.replaceAll(/<(\d)>/g, (_, at: string) => macs[Number(at)]!);
  const seed = {
    'meta-data': 'instance-id: web\nlocal-hostname: web\n',
    ...(text === undefined ? {} : { 'network-config': text }),
  };
  await makeInstance(store.layout, 'web', { spec: { interfaces }, seed });
  const { clones } = await cloneInstance({ layout: store.layout, source: 'web', name: 'copy' });
  const files = readSeed(store.layout.instance('copy').seed)!;
  const made = files.find(({ name }) => name === 'network-config')!.data.toString();
  for (const mac of macs) expect(made).not.toContain(mac);
  const { spec } = await store.get('copy');
  const replace = (left: string, { mac }: NetworkInterface, at: number): string =>
    left.replaceAll(mac.toString(), `<${at}>`);
  return { text: spec.interfaces.reduce(replace, made), told: clones[0]!.unchanged };
}

const OF_1_15 = `#cloud-config
version: 2
ethernets:
  default:
    match:
      macaddress: "<0>"
    dhcp4: true
    dhcp-identifier: mac
  extra0:
    match:
      macaddress: "<1>"
    dhcp4: true
    dhcp-identifier: mac
    dhcp4-overrides:
      route-metric: 200
    optional: true
  extra2:
    match:
      macaddress: "<3>"
    dhcp4: true
    dhcp-identifier: mac
    dhcp4-overrides:
      route-metric: 200
    optional: true
`;

describe('the network-config of a clone', () => {
  test.for(['made', 'planned'] as const)(
    'with a static address is told of in the report: %s',
    async (how, { store }) => {
      const seed = {
        'network-config':
          'version: 2\nethernets:\n  lan:\n    match: { name: en* }\n    addresses: [10.0.0.5/24]\n',
      };
      await makeInstance(store.layout, 'web', { data: 0, seed });
      const clone = async (resetStaticAddresses: boolean): Promise<readonly string[]> => {
        const report = await cloneInstance({
          layout: store.layout,
          source: 'web',
          overrides: { resetStaticAddresses },
          dryRun: how === 'planned',
        });
        return report.clones.flatMap(({ unchanged }) => unchanged);
      };
      const told = 'the static address 10.0.0.5/24 of "lan" stays that of the source';
      expect(await clone(false)).toContain(told);
      expect(await clone(true)).not.toContain(told);
    },
  );

  test('is made in the shape of 1.15 for a source that has none', async ({ store }) => {
    expect(await retarget(store)).toEqual({ text: OF_1_15, told: [] });
  });

  test('stays as 1.15 wrote it, with other MAC addresses', async ({ store }) => {
    expect(await retarget(store, OF_1_15)).toEqual({ text: OF_1_15, told: [] });
  });

  test('gets a default interface and dhcp-identifier when 1.14 wrote it', async ({ store }) => {
    const { text } = await retarget(
      store,
      `#cloud-config
version: 2
ethernets:
  extra0:
    match:
      macaddress: "<1>"
    dhcp4: true
    dhcp4-overrides:
      route-metric: 200
    optional: true
  extra2:
    match: { macaddress: "<3>" }
    dhcp4: true
`,
    );
    expect(text).toBe(`#cloud-config
version: 2
ethernets:
  extra0:
    match:
      macaddress: "<1>"
    dhcp4: true
    dhcp-identifier: mac
    dhcp4-overrides:
      route-metric: 200
    optional: true
  extra2:
    match: { macaddress: "<3>" }
    dhcp4: true
    dhcp-identifier: mac
  default:
    match:
      macaddress: "<0>"
    dhcp4: true
    dhcp-identifier: mac
`);
  });

  test('keeps the names and set-name of the versions after 1.16', async ({ store }) => {
    const entry = (name: string, mac: string): string => `  ${name}:
    match:
      macaddress: "${mac}"
    dhcp4: true
    dhcp-identifier: mac
    set-name: ${name}
`;
    const entries = [entry('eth0', '<0>'), entry('eth1', '<1>'), entry('eth2', '<3>')];
    const ofHead = `#cloud-config\nversion: 2\nethernets:\n${entries.join('')}`;
    expect(await retarget(store, ofHead)).toEqual({ text: ofHead, told: [] });
  });

  test('loses the stale entries that a clone by a later Multipass has', async ({ store }) => {
    // It adds eth0 … to the default and extra0 of 1.15, which keep the MACs of the source's own source.
    const stale = ['default', 'extra0'].map(
      (name, at) => `  ${name}:
    match:
      macaddress: "52:54:00:aa:aa:0${at}"
    dhcp4: true
    dhcp-identifier: mac
`,
    );
    const fresh = ['<0>', '<1>', '<3>'].map(
      (mac, at) => `  eth${at}:
    match:
      macaddress: "${mac}"
    dhcp4: true
    dhcp-identifier: mac
    set-name: eth${at}
`,
    );
    const top = '#cloud-config\nversion: 2\nethernets:\n';
    const { text, told } = await retarget(store, [top, ...stale, ...fresh].join(''));
    expect(text).toBe([top, ...fresh].join(''));
    expect(told).toEqual([]);
  });

  test('gives a manual interface that the user configured its new MAC too', async ({ store }) => {
    const { text } = await retarget(
      store,
      `#cloud-config
# mine
network:
  version: 2
  ethernets:
    lan: # of the user
      match: { macaddress: "<0>" }
      dhcp4: true
      nameservers: { addresses: [ 10.0.0.1 ] }
    backup: { match: { macaddress: '<2>' }, addresses: [ 10.1.0.2/24 ] }
    extra0: { match: { macaddress: "<1>" }, dhcp4: true }
    extra2: { match: { macaddress: "<3>" }, dhcp4: true }
    dmz: { match: { macaddress: 52:54:00:bb:bb:bb }, dhcp4: false }
  bridges:
    br0: { interfaces: [ backup ], macaddress: "<2>", dhcp4: true }
`,
    );
    expect(text).toContain('# of the user');
    expect(text).toContain('nameservers: { addresses: [ 10.0.0.1 ] }');
    expect(text).toContain('dmz: { match: { macaddress: 52:54:00:bb:bb:bb }');
    expect(text.match(/<2>/g)).toHaveLength(2);
    expect(text.match(/dhcp-identifier: mac/g)).toHaveLength(6);
  });

  test('of version 1 gets the MAC addresses alone, and the report says so', async ({ store }) => {
    const text = `#cloud-config
version: 1
config:
  - type: physical
    name: ens3
    mac_address: "<0>"
    subnets: [ { type: dhcp } ]
`;
    const cloned = await retarget(store, text);
    expect(cloned.text).toBe(text);
    expect(cloned.told).toHaveLength(1);
    expect(cloned.told[0]).toContain('version 1');
  });
});
