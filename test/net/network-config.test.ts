import { describe, expect, it } from 'vitest';
import { MacAddress } from '../../src/net/mac-address.js';
import {
  macsOfNetworkConfig,
  newNetworkConfig,
  retargetNetworkConfig,
  type InterfaceChange,
} from '../../src/net/network-config.js';
import { pyYaml } from '../support/py-yaml.js';

/** Old and new MACs; the new ones are of decimal digits, which YAML 1.1 takes for a number when unquoted. */
const OLD = ['52:54:00:aa:00:00', '52:54:00:aa:00:01', '52:54:00:aa:00:02'] as const;
const NEW = ['52:54:00:10:20:30', '52:54:00:10:20:31', '52:54:00:10:20:32'] as const;
const FOREIGN = '52:54:00:ff:ff:ff';

const change = (index: number, auto = true): InterfaceChange => ({
  old: MacAddress.parse(OLD[index]!),
  new: MacAddress.parse(NEW[index]!),
  index,
  auto,
});
const retarget = (
  text: string | null,
  interfaces: readonly InterfaceChange[] = [change(0)],
): { text: string; warnings: string[] } =>
  retargetNetworkConfig(text, { interfaces }, 'seed.iso:network-config');
const textOf = (...args: Parameters<typeof retarget>): string => retarget(...args).text;

const label = (name: string, mac: string, rest = ''): string =>
  `  ${name}:\n    match:\n      macaddress: "${mac}"\n    dhcp4: true\n    dhcp-identifier: mac\n${rest}`;
const EXTRA = '    dhcp4-overrides:\n      route-metric: 200\n    optional: true\n';
const eth = (n: number, mac: string): string =>
  label(`eth${n}`, mac, `${n === 0 ? '' : EXTRA}    set-name: eth${n}\n`);
const document = (...entries: string[]): string =>
  `#cloud-config\nversion: 2\nethernets:\n${entries.join('')}`;

describe('newNetworkConfig', () => {
  it('writes the shape of Multipass 1.15, with gaps for manual interfaces', async () => {
    const interfaces = [true, false, true].map((auto, i) => ({
      mac: MacAddress.parse(NEW[i]!),
      auto,
    }));
    const text = newNetworkConfig(interfaces);
    expect(text).toBe(document(label('default', NEW[0]), label('extra1', NEW[2], EXTRA)));
    expect(await pyYaml(text)).toMatchObject({
      version: 2,
      ethernets: { default: { match: { macaddress: NEW[0] } } },
    });
  });
});

describe('retargetNetworkConfig', () => {
  it.each([null, '', '#cloud-config\n', '{}', 'ethernets: ~\n', '#cloud-config\nversion: 2\n'])(
    'makes the shape of Multipass 1.15 when there is no ethernets: %j',
    async (text) => {
      const made = textOf(text, [change(0), change(1, false), change(2)]);
      expect(await pyYaml(made)).toEqual(
        await pyYaml(document(label('default', NEW[0]), label('extra1', NEW[2], EXTRA))),
      );
      expect(made.startsWith('#cloud-config\n')).toBe(true);
    },
  );

  it('keeps the other devices of a document without ethernets', () => {
    const text = '#cloud-config\nversion: 2\nbridges:\n  br0: { dhcp4: off }\n';
    expect(textOf(text)).toBe(`${text}ethernets:\n${label('default', NEW[0])}`);
  });

  it('keeps the shape of 1.15', () => {
    const of = (macs: readonly string[]): string =>
      document(label('default', macs[0]!), label('extra1', macs[2]!, EXTRA));
    expect(textOf(of(OLD), [change(0), change(1, false), change(2)])).toBe(of(NEW));
  });

  it('keeps the shape after 1.16', () => {
    const of = (macs: readonly string[]): string => document(eth(0, macs[0]!), eth(1, macs[2]!));
    expect(textOf(of(OLD), [change(0), change(1, false), change(2)])).toBe(of(NEW));
  });

  it('gives the shape before 1.15 its default interface and dhcp-identifier', () => {
    const old = `#cloud-config\nversion: 2\nethernets:\n  extra0:\n    match:\n      macaddress: ${OLD[1]}\n    dhcp4: true\n${EXTRA}`;
    expect(textOf(old, [change(0), change(1)])).toBe(
      document(label('extra0', NEW[1], EXTRA), label('default', NEW[0])),
    );
  });

  it('drops the entries that a cloning Multipass after 1.16 left behind', () => {
    const text = document(
      label('default', FOREIGN),
      label('extra0', '52:54:00:ff:ff:fe', EXTRA),
      eth(0, OLD[0]),
      eth(1, OLD[1]),
    );
    const { text: made, warnings } = retarget(text, [change(0), change(1)]);
    expect(made).toBe(document(eth(0, NEW[0]), eth(1, NEW[1])));
    expect(warnings).toEqual([]);
  });

  it('keeps the ethN entry of two for the same MAC, wherever it stands', () => {
    const both = [label('default', OLD[0]), eth(0, OLD[0])];
    expect(textOf(document(...both))).toBe(document(eth(0, NEW[0])));
    expect(textOf(document(...both.reverse()))).toBe(document(eth(0, NEW[0])));
  });

  it("keeps the user's own entry rather than one of Multipass for the same MAC", () => {
    const text = document(eth(0, OLD[0]), label('lan', OLD[0], '    mtu: 1400\n'));
    expect(textOf(text)).toBe(document(label('lan', NEW[0], '    mtu: 1400\n')));
  });

  it("warns about a dropped entry that has the user's own settings", () => {
    const text = document(eth(0, OLD[0]), label('extra4', FOREIGN, '    mtu: 9000\n'));
    expect(retarget(text)).toEqual({
      text: document(eth(0, NEW[0])),
      warnings: [
        'the stale entry "extra4" of "seed.iso:network-config" was dropped, with its own mtu',
      ],
    });
  });

  it('finds an entry by either generated name when its MAC is of no interface', () => {
    const extras = [change(0), change(1, false), change(2)];
    expect(textOf(document(eth(0, FOREIGN), eth(1, '52:54:00:ff:ff:fe')), extras)).toBe(
      document(eth(0, NEW[0]), eth(1, NEW[2])),
    );
    expect(
      textOf(document(label('default', FOREIGN), label('extra1', '52:54:00:ff:ff:fe')), extras),
    ).toBe(document(label('default', NEW[0]), label('extra1', NEW[2])));
  });

  it('gives an entry that matches no MAC the one of the interface it is named after', async () => {
    const text = '#cloud-config\nversion: 2\nethernets:\n  eth0:\n    dhcp4: true\n';
    expect(await pyYaml(textOf(text))).toEqual({
      version: 2,
      ethernets: {
        eth0: { dhcp4: true, 'dhcp-identifier': 'mac', match: { macaddress: NEW[0] } },
      },
    });
  });

  it('adds a missing interface in the generation of the document', () => {
    expect(textOf(document(eth(0, OLD[0])), [change(0), change(1)])).toBe(
      document(eth(0, NEW[0]), eth(1, NEW[1])),
    );
    expect(textOf(document(label('default', OLD[0])), [change(0), change(1)])).toBe(
      document(label('default', NEW[0]), label('extra0', NEW[1], EXTRA)),
    );
  });

  it('adds under the next free name when another interface has the one that was due', () => {
    const made = textOf(
      document(eth(0, OLD[0]), eth(1, OLD[2])),
      [0, 1, 2].map((i) => change(i)),
    );
    expect(made).toBe(document(eth(0, NEW[0]), eth(1, NEW[2]), eth(2, NEW[1])));
  });

  it('changes a manual interface where it has an entry, and adds none', () => {
    const manual = [change(0), change(1, false)];
    expect(textOf(document(eth(0, OLD[0]), label('lan', OLD[1])), manual)).toBe(
      document(eth(0, NEW[0]), label('lan', NEW[1])),
    );
    expect(textOf(document(eth(0, OLD[0])), manual)).toBe(document(eth(0, NEW[0])));
  });

  it('lets the last of equal keys count, as cloud-init does', async () => {
    const text = `version: 1\nethernets:\n  a: { dhcp4: no }\nversion: 2\nethernets:\n  b:\n    match: { macaddress: "${OLD[0]}" }\n    dhcp4: no\n    dhcp4: yes\n`;
    const match = { macaddress: NEW[0] };
    expect(await pyYaml(textOf(text))).toEqual({
      version: 2,
      ethernets: { b: { match, dhcp4: true, 'dhcp-identifier': 'mac' } },
    });
  });

  it('swaps addresses without chaining them', () => {
    const [a, b] = [change(0), change(1)];
    const swapped = [
      { ...a, new: b.old },
      { ...b, new: a.old },
    ];
    expect(textOf(document(eth(0, OLD[0]), eth(1, OLD[1])), swapped)).toBe(
      document(eth(0, OLD[1]), eth(1, OLD[0])),
    );
    expect(textOf(document(eth(0, OLD[0])), swapped)).toBe(
      document(eth(0, OLD[1]), eth(1, OLD[0])),
    );
  });

  it("keeps the user's document: wrapper, comments, order, flow style, scalars, own entries", () => {
    const text = (macs: readonly string[], identifier: string): string =>
      `# by hand
network:
  renderer: networkd
  version: 2
  ethernets:
    renderer: networkd
    # the uplink
    lan: { match: { macaddress: ${macs[0]!} }, dhcp4: yes${identifier}, mtu: 0x5dc }
    # for later
    spare:
      match: { name: "en*" }
      dhcp4: no
${identifier === '' ? '' : '      dhcp-identifier: mac\n'}      macaddress: ${macs[0]!}
`;
    const upper = OLD[0].toUpperCase();
    expect(textOf(text([upper], ''))).toBe(
      `#cloud-config\n${text([`"${NEW[0]}"`], ', dhcp-identifier: mac')}`,
    );
  });

  it('identifies by MAC on other devices that use DHCP, and on those only', async () => {
    const text = document(eth(0, OLD[0])).replace(
      'ethernets',
      'bonds: { a: { dhcp4: yes, interfaces: [eth0] }, b: { addresses: [10.0.0.1/24] } }\nvlans:\n  c: { dhcp4: true, dhcp-identifier: duid }\n  d: { dhcp4: off }\nethernets',
    );
    const read = (await pyYaml(textOf(text))) as Record<string, Record<string, object>>;
    expect(read['bonds']).toEqual({
      a: { dhcp4: true, 'dhcp-identifier': 'mac', interfaces: ['eth0'] },
      b: { addresses: ['10.0.0.1/24'] },
    });
    expect(read['vlans']).toEqual({
      c: { dhcp4: true, 'dhcp-identifier': 'mac' },
      d: { dhcp4: false },
    });
  });

  it('follows a MAC through anchors', async () => {
    const text = `x-mac: &m ${OLD[0]}\nversion: 2\nethernets:\n  default: &d\n    match: { macaddress: *m }\n    dhcp4: true\n  lan:\n    <<: *d\n    match: { macaddress: ${OLD[1]} }\n`;
    const entry = { dhcp4: true, 'dhcp-identifier': 'mac' };
    expect(await pyYaml(textOf(text, [change(0), change(1)]))).toEqual({
      'x-mac': NEW[0],
      version: 2,
      ethernets: {
        default: { ...entry, match: { macaddress: NEW[0] } },
        lan: { ...entry, match: { macaddress: NEW[1] } },
      },
    });
  });

  it.each(['', 'network:\n  '])('changes only the MACs of version 1, and warns (%j)', (wrapper) => {
    const text = `${wrapper}version: 1\n${wrapper === '' ? '' : '  '}config: [ { type: physical, name: eth0, mac_address: ${OLD[0]} } ]\n`;
    expect(retarget(text)).toEqual({
      text: `#cloud-config\n${text.replace(OLD[0], `"${NEW[0]}"`)}`,
      warnings: [expect.stringContaining('version 1') as string],
    });
  });

  it.each([
    [
      'version: 2\nethernets: [1\n',
      /^cannot read "seed\.iso:network-config": Flow sequence.*line 3/,
    ],
    ['- 1\n', /it is no mapping$/],
    ['network: 5\n', /"network" is no mapping$/],
    ['network: { ethernets: { eth0: [1] } }\n', /"network\.ethernets\.eth0" is no mapping$/],
  ])('refuses %j', (text, message) => {
    expect(() => retarget(text)).toThrow(
      expect.objectContaining({
        code: 'SEED_INVALID',
        message: expect.stringMatching(message) as string,
      }),
    );
  });
});

describe('macsOfNetworkConfig', () => {
  const macsOf = (text: string): string[] =>
    macsOfNetworkConfig(text, 'network-config').map(({ name, mac }) => `${name} ${mac.toString()}`);

  it('lists the entries that match a MAC, in the order of the document', () => {
    const text = document(eth(1, OLD[1]), '  own: { dhcp4: true }\n', label('lan', FOREIGN));
    expect(macsOf(text)).toEqual([`eth1 ${OLD[1]}`, `lan ${FOREIGN}`]);
    expect(macsOf(`network: {ethernets: {eth0: {match: {macaddress: ${OLD[0]}}}}}`)).toEqual([
      `eth0 ${OLD[0]}`,
    ]);
  });

  it.each(['', 'a: [1\n', '- a\n', 'ethernets: [a]\n', 'version: 2\n'])(
    'lists none of %j',
    (text) => {
      expect(macsOf(text)).toEqual([]);
    },
  );
});
