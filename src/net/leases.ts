import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, fromSystemError } from '../errors.js';
import { MacAddress } from './mac-address.js';

/** dnsmasq's record of leases, in the network folder. */
export const LEASES_FILE = 'dnsmasq.leases';

/** An address that a guest was given. */
export interface Lease {
  readonly mac: MacAddress;
  readonly ip: string;
  /** What the guest calls itself; null when it does not say. */
  readonly hostname: string | null;
  /** DHCP option 61 in hex, such as `01:52:54:00:ab:cd:ef`; null when it sent none. */
  readonly clientId: string | null;
  /** null: never. */
  readonly expiry: Date | null;
}

const IPV4 = /^\d{1,3}(\.\d{1,3}){3}$/;

/**
 * Reads dnsmasq's lease file: `<expiry> <mac> <ip> <hostname or *> <client id or *>` a line. Lines of another kind
 * (IPv6, other hardware) are passed over, and so is a last line without its end: dnsmasq may be writing it just now.
 * @internal for its tests
 */
export function parseLeases(text: string): Lease[] {
  return text
    .split('\n')
    .slice(0, -1)
    .flatMap((line) => parseLease(line) ?? []);
}

function parseLease(line: string): Lease | null {
  const [expiry = '', macText = '', ip = '', hostname = '', clientId = ''] = line.split(' ');
  const mac = MacAddress.tryParse(macText);
  if (mac === null || !/^\d+$/.test(expiry) || !IPV4.test(ip) || clientId === '') return null;
  return {
    mac,
    ip,
    hostname: hostname === '*' ? null : hostname,
    clientId: clientId === '*' ? null : clientId,
    expiry: expiry === '0' ? null : new Date(Number(expiry) * 1000),
  };
}

/**
 * The lease of a MAC address; undefined when it has none (yet). Takes no lock: dnsmasq rewrites the file in place, so
 * that a lease can be missed for a moment, but not be read wrongly.
 * @param folder the store's network folder; it need not exist
 * @throws MultipassError PERMISSION_DENIED, IO_ERROR
 */
export function leaseOf(folder: string, mac: MacAddress): Lease | undefined {
  return parseLeases(readLeases(folder)).find((lease) => lease.mac.equals(mac));
}

/** The text of the lease file, empty when there is none. */
export function readLeases(folder: string): string {
  const path = join(folder, LEASES_FILE);
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return '';
    throw fromSystemError(error, 'read the leases', path);
  }
}

/** The lease file without the leases of a MAC address; every other line stays as it is. */
export function withoutLeasesOf(text: string, mac: MacAddress): string {
  const isOther = (line: string): boolean => parseLease(line)?.mac.equals(mac) !== true;
  return text.split('\n').filter(isOther).join('\n');
}
