import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MacAddress } from '../../src/net/mac-address.js';
import { retargetNetworkConfig, type InterfaceChange } from '../../src/net/network-config.js';
import { pyYaml } from '../support/py-yaml.js';

/** Half of them of decimal digits below 60, which YAML 1.1 takes for a number when they are unquoted. */
const mac = fc
  .oneof(
    fc.tuple(...Array.from({ length: 3 }, () => fc.integer({ min: 0, max: 59 }).map(String))),
    fc.tuple(...Array.from({ length: 3 }, () => fc.nat(255).map((byte) => byte.toString(16)))),
  )
  .map((octets) => ['52:54:00', ...octets.map((octet) => octet.padStart(2, '0'))].join(':'));

const situation = fc.record({
  macs: fc.uniqueArray(mac, { minLength: 11, maxLength: 11 }),
  // Of the extra interfaces: whether cloud-init configures it, and whether the document has it.
  extras: fc.array(fc.record({ auto: fc.boolean(), present: fc.boolean() }), { maxLength: 2 }),
  hasDefault: fc.boolean(),
  rotated: fc.boolean(),
  names: fc.constantFrom('labels', 'ethN', 'both', 'cloned', 'own'),
  own: fc.boolean(),
  style: fc.record({
    flow: fc.boolean(),
    wrapped: fc.boolean(),
    upper: fc.boolean(),
    quote: fc.constantFrom('', '"', "'"),
  }),
});

type Situation = typeof situation extends fc.Arbitrary<infer T> ? T : never;
type Tree = string | { readonly [key: string]: Tree };

function interfacesOf({ macs, extras, rotated }: Situation): InterfaceChange[] {
  const count = extras.length + 1;
  return [{ auto: true }, ...extras].map(({ auto }, index) => ({
    old: MacAddress.parse(macs[index]!),
    new: MacAddress.parse(rotated ? macs[(index + 1) % count]! : macs[3 + index]!),
    index,
    auto,
  }));
}

/** The document that the interfaces were in, as one of the Multipass versions or the user wrote it. */
function treeOf({ macs, extras, hasDefault, names, own, style }: Situation): Tree {
  const ethernets: Record<string, Tree> = {};
  let number = 0;
  [{ auto: true, present: hasDefault }, ...extras].forEach(({ auto, present }, index) => {
    const eth = auto ? `eth${(number += 1) - 1}` : `manual${index}`;
    if (!present) return;
    const label = index === 0 ? 'default' : `extra${index - 1}`;
    const entry = (address: string): Tree => ({ match: { macaddress: address }, dhcp4: 'yes' });
    if (names === 'cloned') ethernets[label] = entry(macs[6 + index]!);
    if (names === 'labels' || names === 'both') ethernets[label] = entry(macs[index]!);
    if (names === 'own') ethernets[`own${index}`] = entry(macs[index]!);
    if (['ethN', 'both', 'cloned'].includes(names)) ethernets[eth] = entry(macs[index]!);
  });
  if (own) ethernets['lan'] = { match: { macaddress: macs[10]! }, mtu: '0x5dc' };
  const network = { version: '2', ethernets, note: macs[0]! };
  return style.wrapped ? { network } : network;
}

function textOf(tree: Tree, style: Situation['style'], indent = ''): string {
  if (typeof tree === 'string') {
    if (!tree.includes(':')) return tree;
    return `${style.quote}${style.upper ? tree.toUpperCase() : tree}${style.quote}`;
  }
  const entries = Object.entries(tree);
  if (style.flow || entries.length === 0) {
    return `{${entries.map(([key, value]) => `${key}: ${textOf(value, style)}`).join(', ')}}`;
  }
  const lines = entries.map(([key, value]) => {
    const text = textOf(value, style, `${indent}    `);
    return `${indent}${key}:${text.includes('\n') ? '\n' : ' '}${text}`;
  });
  return indent === '' || lines.length > 1 ? lines.join('\n') : `${lines.join('')}\n`;
}

interface Network {
  ethernets: Record<string, { match: { macaddress: unknown }; 'dhcp-identifier'?: unknown }>;
  note: unknown;
}

describe('retargetNetworkConfig', () => {
  it('leaves PyYAML with exactly the new MACs, whatever wrote the document', async () => {
    await fc.assert(
      fc.asyncProperty(situation, async (given) => {
        const interfaces = interfacesOf(given);
        const source = textOf(treeOf(given), given.style);
        const { text } = retargetNetworkConfig(source, { interfaces }, 'network-config');
        const read = (await pyYaml(text)) as Network & { network: Network };
        const { ethernets, note } = given.style.wrapped ? read.network : read;

        const wanted = interfaces
          .filter((item) => item.auto || given.extras[item.index - 1]?.present === true)
          .map((item) => item.new.toString());
        const found = Object.values(ethernets).map(({ match }) => match.macaddress);
        const foreign = given.macs[10]!;
        const spelt = given.style.upper ? foreign.toUpperCase() : foreign;
        const unquoted = given.style.quote === '' && typeof (await pyYaml(foreign)) === 'number';
        const own = given.own ? [unquoted ? await pyYaml(spelt) : spelt] : [];
        expect([...found].sort()).toEqual([...wanted, ...own].sort());
        expect(note).toBe(interfaces[0]!.new.toString());
        for (const entry of Object.values(ethernets)) expect(entry['dhcp-identifier']).toBe('mac');

        const settled = interfaces.map((item) => ({ ...item, old: item.new }));
        expect(retargetNetworkConfig(text, { interfaces: settled }, 'network-config')).toEqual({
          text,
          warnings: [],
        });
      }),
      { numRuns: 300 },
    );
  });
});
