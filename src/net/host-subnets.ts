import { readFileSync } from 'node:fs';
import { endianness, networkInterfaces } from 'node:os';
import { MultipassError } from '../errors.js';
import { Subnet } from './subnet.js';

/** A route wider than this says "everything", as a default route or a VPN's half of the internet does. */
const WIDEST = 8;

/**
 * The IPv4 subnets that this host has an address in, or a route to: what a new subnet must keep clear of. Needs no
 * privileges and runs no program.
 * @param except an interface whose addresses and routes do not count
 */
export function hostSubnets(except?: string): Subnet[] {
  return [...interfaceSubnets(except), ...routedSubnets(except)].filter(
    (subnet) => subnet.prefix >= WIDEST,
  );
}

function interfaceSubnets(except?: string): Subnet[] {
  return Object.entries(networkInterfaces())
    .filter(([name]) => name !== except)
    .flatMap(([, addresses]) => addresses ?? [])
    .flatMap(({ cidr }) => Subnet.tryParse(cidr ?? '') ?? []);
}

/** Routes also tell of interfaces that are without a carrier now, which Node's list leaves out. */
function routedSubnets(except?: string): Subnet[] {
  let table: string;
  try {
    table = readFileSync('/proc/net/route', 'utf8');
  } catch {
    // Not Linux: the addresses have to do.
    return [];
  }
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([name = '']) => name !== '' && name !== except)
    .map(([, destination = '', , , , , , mask = '']) =>
      Subnet.of(kernelNumber(destination), prefixOf(kernelNumber(mask))),
    );
}

/** The kernel prints an address as a number of the machine's own byte order. */
function kernelNumber(hex: string): number {
  const bytes = Buffer.from(hex, 'hex');
  return endianness() === 'LE' ? bytes.readUInt32LE() : bytes.readUInt32BE();
}

function prefixOf(mask: number): number {
  return Math.clz32(~mask >>> 0);
}

/** Every private subnet overlaps an address or a route of this host. */
export function noFreeSubnet(): MultipassError {
  return new MultipassError('NETWORK_FAILED', 'no private subnet is free on this host', {
    hint: 'Look at `ip route` for routes that claim more than they need.',
  });
}
