import type { MacAddress } from './mac-address.js';

/** An interface as the file has it. */
export interface OwnInterface {
  readonly mac: MacAddress;
  /** Its place in the spec. */
  readonly index: number;
  /** False: cloud-init leaves it alone, but for the default one. */
  readonly auto: boolean;
}

/**
 * The network-config of an instance that nobody has changed anything about, in the shape of Multipass 1.15. It is
 * written, and recognised, without the YAML library, whose loading and reading take a third of a linked clone's time.
 * @param interfaces in the order of their index
 */
export function ownNetworkConfig(interfaces: readonly OwnInterface[]): string {
  const entries = interfaces.filter(({ index, auto }) => auto || index === 0).map(entryOf);
  return `#cloud-config\nversion: 2\nethernets:\n${entries.join('')}`;
}

function entryOf({ mac, index }: OwnInterface): string {
  const lines = [
    `  ${index === 0 ? 'default' : `extra${index - 1}`}:`,
    '    match:',
    `      macaddress: "${mac.toString()}"`,
    '    dhcp4: true',
    '    dhcp-identifier: mac',
    ...(index === 0
      ? []
      : ['    dhcp4-overrides:', '      route-metric: 200', '    optional: true']),
  ];
  return `${lines.join('\n')}\n`;
}
