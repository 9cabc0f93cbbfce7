import { describe, expect, it } from 'vitest';
import { formatNetworks } from '../../../src/cli/format/networks.js';
import type { HostNetwork } from '../../../src/net/bridge/host-networks.js';
import { readYaml } from '../../support/read-yaml.js';

const NETWORKS: HostNetwork[] = [
  { name: 'br-lan', type: 'bridge', description: 'Network bridge with eno1, eno2' },
  { name: 'eno1', type: 'ethernet', description: 'Ethernet device' },
];

describe('formatNetworks', () => {
  it('prints a table', () => {
    expect(formatNetworks(NETWORKS, 'table')).toBe(
      `Name     Type       Description
br-lan   bridge     Network bridge with eno1, eno2
eno1     ethernet   Ethernet device
`,
    );
  });

  it('prints CSV with the description in quotes', () => {
    expect(formatNetworks(NETWORKS, 'csv')).toBe(
      `Name,Type,Description
br-lan,bridge,"Network bridge with eno1, eno2"
eno1,ethernet,"Ethernet device"
`,
    );
  });

  it('prints JSON with sorted keys', () => {
    expect(formatNetworks(NETWORKS.slice(1), 'json')).toBe(
      `{
    "list": [
        {
            "description": "Ethernet device",
            "name": "eno1",
            "type": "ethernet"
        }
    ]
}
`,
    );
  });

  it('prints YAML that reads back', () => {
    const yaml = formatNetworks(NETWORKS, 'yaml');
    expect(yaml).toContain('eno1:\n  - type: ethernet\n    description: Ethernet device\n');
    expect(readYaml(yaml)).toEqual({
      'br-lan': [{ type: 'bridge', description: 'Network bridge with eno1, eno2' }],
      eno1: [{ type: 'ethernet', description: 'Ethernet device' }],
    });
  });

  it('prints what there is when there is none', () => {
    expect(formatNetworks([], 'table')).toBe('No network interfaces found.\n');
    expect(formatNetworks([], 'csv')).toBe('Name,Type,Description\n');
    expect(formatNetworks([], 'json')).toBe('{\n    "list": [\n    ]\n}\n');
    expect(formatNetworks([], 'yaml')).toBe('\n');
  });
});
