import { entriesOf, type Entry } from './network-config-entries.js';
import type { SeedMapping } from './seed-document.js';

/** The kinds of devices of a network-config of version 2. */
const KINDS = ['ethernets', 'wifis', 'bonds', 'bridges', 'vlans'];

/** What goes with a static address: with one by DHCP, the server says it. */
const WITH_ADDRESSES = ['addresses', 'gateway4', 'gateway6', 'routes'];

/**
 * What two machines with one network-config would both have, in sentences for the user: static addresses, and MAC
 * addresses that a device gives itself.
 * @param network the mapping with the devices, of version 1 or 2
 * @param own the MAC addresses that the machine has to itself
 */
export function fixedAddresses(network: SeedMapping, own: ReadonlySet<string>): string[] {
  const version1 = network.mappings('config').flatMap((device) => {
    const name = device.text('name') ?? '';
    const subnets = device.mappings('subnets');
    return subnets.flatMap((subnet) => fixedAddress(subnet.text('address'), name));
  });
  const version2 = devicesOf(network).flatMap(({ name, body }) => [
    ...body.texts('addresses').flatMap((address) => fixedAddress(address, name)),
    ...fixedMac(body.text('macaddress'), name, own),
  ]);
  return [...version1, ...version2];
}

/** Lets DHCP give the addresses that the devices of a network-config of version 2 have of themselves. */
export function resetStaticAddresses(network: SeedMapping): void {
  for (const { body } of devicesOf(network)) {
    if (!body.has('addresses')) continue;
    body.set('dhcp4', true, 'addresses');
    for (const key of WITH_ADDRESSES) body.delete(key);
  }
}

function devicesOf(network: SeedMapping): Entry[] {
  return KINDS.flatMap((kind) => {
    const devices = network.mapping(kind);
    return devices === null ? [] : entriesOf(devices);
  });
}

function fixedAddress(address: string | null, device: string): string[] {
  if (address === null) return [];
  return [`the static address ${address} of "${device}" stays that of the source`];
}

function fixedMac(mac: string | null, device: string, own: ReadonlySet<string>): string[] {
  if (mac === null || own.has(mac.toLowerCase())) return [];
  return [`the MAC address ${mac} that "${device}" gives itself stays that of the source`];
}
