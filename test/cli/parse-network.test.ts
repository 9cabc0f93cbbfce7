import { describe, expect, it } from 'vitest';
import { parseNetwork, withBridged } from '../../src/cli/parse-network.js';

/** What `--network <spec>` comes to, the MAC address as text. */
function parsed(spec: string): unknown {
  const network = parseNetwork(spec);
  return { ...network, mac: network.mac?.toString() ?? null };
}

describe('--network', () => {
  it.for([
    ['br0', { name: 'br0', auto: true, mac: null }],
    ['name=br0', { name: 'br0', auto: true, mac: null }],
    ['name=br0,mode=auto', { name: 'br0', auto: true, mac: null }],
    [
      'mac=52:54:00:AB:CD:EF,mode=manual,name=br0',
      { name: 'br0', auto: false, mac: '52:54:00:ab:cd:ef' },
    ],
    ['NAME=br0,Mode=manual', { name: 'br0', auto: false, mac: null }],
    ['a network', { name: 'a network', auto: true, mac: null }],
  ] as const)('reads "%s"', ([spec, network]) => {
    expect(parsed(spec)).toEqual(network);
  });

  it.for([
    ['', 'error: Bad network definition: '],
    ['br0,br1', 'error: Bad network definition: br0,br1'],
    ['name=br0,colour=red', 'error: Bad network field: colour'],
    ['name=br0,manual', 'error: Bad network field definition: manual'],
    ['name=a=b', 'error: Bad network field definition: name=a=b'],
    ['mode=auto', "error: Bad network definition: need at least a 'name' field"],
    ['name=', "error: Bad network definition: need at least a 'name' field"],
    ['name=br0,mode=automatic', "error: Bad network mode 'automatic', need 'auto' or 'manual'"],
    ['name=br0,mac=nonsense', 'error: Invalid MAC address: nonsense'],
  ] as const)('refuses "%s"', ([spec, message]) => {
    const parse = (): unknown => parseNetwork(spec);
    expect(parse).toThrow(expect.objectContaining({ code: 'USAGE', message }));
  });

  it('keeps the order of several', () => {
    const networks = ['br2', 'name=br0', 'br1'].map(parseNetwork);
    const names = withBridged(networks, null).map(({ name }) => name);
    expect(names).toEqual(['br2', 'br0', 'br1']);
  });
});

describe('--bridged', () => {
  it('comes last, and stands for the setting', () => {
    expect(withBridged([parseNetwork('br1')], { bridgedNetwork: 'br0' })).toEqual([
      { name: 'br1', auto: true, mac: null },
      { name: 'br0', auto: true, mac: null },
    ]);
  });

  it('needs the setting', () => {
    expect(() => withBridged([], { bridgedNetwork: null })).toThrow(
      'You have to `multipass set local.bridged-network=<name>` to use the "--bridged" shortcut.',
    );
    expect(withBridged([], null)).toEqual([]);
  });
});
