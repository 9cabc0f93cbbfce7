import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { networkInterfaces } from 'node:os';

/**
 * How near an address is to this host: 0, anywhere else; 1, one of this host's own; 2, on its link alone, where a
 * cloud's metadata service is; 3, reached from this host alone.
 */
export type Reach = 0 | 1 | 2 | 3;

/** An address that a name stands for. */
export interface Address {
  readonly address: string;
  readonly family: number;
}

const ONLY_HERE = new BlockList();
ONLY_HERE.addSubnet('127.0.0.0', 8, 'ipv4');
// The unspecified address reaches the host itself, by any of its own.
ONLY_HERE.addSubnet('0.0.0.0', 8, 'ipv4');
ONLY_HERE.addAddress('::1', 'ipv6');
ONLY_HERE.addAddress('::', 'ipv6');

const LINK_LOCAL = new BlockList();
LINK_LOCAL.addSubnet('169.254.0.0', 16, 'ipv4');
LINK_LOCAL.addSubnet('fe80::', 10, 'ipv6');

/** How near an address is, in whatever way it is written. */
export function reachOf(text: string): Reach {
  const address = plain(text);
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  if (ONLY_HERE.check(address, family)) return 3;
  if (LINK_LOCAL.check(address, family)) return 2;
  return ownAddresses().has(address) ? 1 : 0;
}

/** The nearest of several. */
export function nearest(addresses: readonly Address[]): Reach {
  return addresses.reduce<Reach>((near, { address }) => {
    const reach = reachOf(address);
    return reach > near ? reach : near;
  }, 0);
}

/**
 * The addresses of a host as {@link URL} writes it: of a name all that it stands for now. @throws the resolver's error
 */
export async function addressesOf(hostname: string): Promise<readonly Address[]> {
  const host = bare(hostname);
  const family = isIP(host);
  return family === 0 ? await lookup(host, { all: true }) : [{ address: host, family }];
}

/** Without the brackets that an IPv6 address has in a URL. */
export function bare(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}

/** An IPv4 address that is written as an IPv6 one is that IPv4 address; a scope says nothing about how near it is. */
function plain(address: string): string {
  const [bareAddress = ''] = address.split('%');
  const parts = /^::ffff:(?:([0-9a-f]{1,4}):([0-9a-f]{1,4})|(\d+\.\d+\.\d+\.\d+))$/i.exec(
    bareAddress,
  );
  if (parts === null) return bareAddress.toLowerCase();
  const [, high = '', low = '', dotted] = parts;
  if (dotted !== undefined) return dotted;
  const bytes = Buffer.from(high.padStart(4, '0') + low.padStart(4, '0'), 'hex');
  return [...bytes].join('.');
}

function ownAddresses(): Set<string> {
  const interfaces = Object.values(networkInterfaces()).flat();
  return new Set(interfaces.map((one) => plain(one?.address ?? '')));
}
